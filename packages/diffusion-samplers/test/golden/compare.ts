/** Comparison as the format says: |got - want| <= abs + rel |want|, element by element. */
export interface Tolerance {
  readonly rel: number;
  readonly abs: number;
}

export type Numbers = number | string | readonly Numbers[];

const numberOf = (want: unknown): number =>
  want === 'inf' ? Infinity : want === '-inf' ? -Infinity : Number(want);

/** Throws with the first element that differs. */
export function expectClose(what: string, got: unknown, want: Numbers, { rel, abs }: Tolerance): void {
  if (Array.isArray(want)) {
    const list = got as ArrayLike<unknown>;
    if (list?.length !== want.length)
      throw new Error(`${what} has length ${list?.length}, expected ${want.length}`);
    want.forEach((item, i) => {
      expectClose(`${what}[${i}]`, list[i], item, { rel, abs });
    });
    return;
  }
  const [a, b] = [got as number, numberOf(want)];
  if (a === b || Math.abs(a - b) <= abs + rel * Math.abs(b)) return;
  throw new Error(`${what} is ${a}, expected ${b} (off by ${Math.abs(a - b).toExponential(2)})`);
}
