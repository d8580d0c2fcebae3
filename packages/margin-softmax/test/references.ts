/** The losses of `metric-losses` as plain float64 loops, to take finite differences of. */

type Rows = number[][];

export function rowsOf(data: ArrayLike<number>, width: number): Rows {
  return Array.from({ length: data.length / width }, (_, i) =>
    Array.from({ length: width }, (__, k) => data[i * width + k]!),
  );
}

const sum = (values: readonly number[]) => values.reduce((a, b) => a + b, 0);
const relu = (x: number) => Math.max(0, x);
export const norm = (x: readonly number[]) => Math.hypot(...x);
export const unit = (x: readonly number[]) => x.map((value) => value / norm(x));
const squared = (a: readonly number[], b: readonly number[]) =>
  sum(a.map((value, k) => (value - b[k]!) ** 2));
const softplus = (x: number) => relu(x) + Math.log1p(Math.exp(-Math.abs(x)));
const logSumExp = (values: readonly number[]) => {
  const largest = Math.max(...values);
  return largest + Math.log(sum(values.map((value) => Math.exp(value - largest))));
};

/** All ordered pairs i != j. */
function pairs<T>(count: number, body: (i: number, j: number) => T): T[] {
  const result: T[] = [];
  for (let i = 0; i < count; i++) for (let j = 0; j < count; j++) if (i !== j) result.push(body(i, j));
  return result;
}

const mean = (values: readonly number[]) => (values.length === 0 ? 0 : sum(values) / values.length);
const meanNonzero = (values: readonly number[]) => mean(values.filter((value) => value > 0));

export type Reducer = (values: readonly number[]) => number;
export const reducers = { mean, sum, 'mean-nonzero': meanNonzero } as const;

export function contrastive(
  distance: number,
  same: boolean,
  { form, positive, negative }: { form: string; positive: number; negative: number },
): number {
  const excess = relu(same ? distance - positive : negative - distance);
  return form === 'linear-hinge' ? excess : excess ** 2 / 2;
}

export function batchContrastive(
  x: Rows,
  labels: readonly number[],
  form: { form: string; positive: number; negative: number },
  perPart?: Reducer,
): number {
  const values = pairs(x.length, (i, j) => {
    const same = labels[i] === labels[j];
    return { same, value: contrastive(Math.sqrt(squared(x[i]!, x[j]!)), same, form) };
  });
  const part = (same: boolean) => values.filter((entry) => entry.same === same).map(({ value }) => value);
  return perPart ? perPart(part(true)) + perPart(part(false)) : mean(values.map(({ value }) => value));
}

export function batchTriplet(
  x: Rows,
  labels: readonly number[],
  options: { mining: string; margin: number; euclidean: boolean; reduce: Reducer },
): number {
  const d = (i: number, j: number) =>
    options.euclidean ? Math.sqrt(squared(x[i]!, x[j]!)) : squared(x[i]!, x[j]!);
  const losses: number[] = [];
  for (const [a, label] of labels.entries()) {
    const others = labels.map((_, i) => i).filter((i) => i !== a);
    const positives = others.filter((i) => labels[i] === label).map((i) => d(a, i));
    const negatives = others.filter((i) => labels[i] !== label).map((i) => d(a, i));
    if (positives.length === 0 || negatives.length === 0) continue;
    const triplets =
      options.mining === 'hard'
        ? [[Math.max(...positives), Math.min(...negatives)] as const]
        : positives.flatMap((p) => negatives.map((n) => [p, n] as const));
    for (const [p, n] of triplets) {
      if (options.mining === 'semi-hard' && !(n > p && n - p <= options.margin)) continue;
      losses.push(relu(p - n + options.margin));
    }
  }
  return options.reduce(losses);
}

export function range(
  x: Rows,
  labels: readonly number[],
  { k, margin, alpha, beta }: { k: number; margin: number; alpha: number; beta: number },
): number {
  const classes = [...new Set(labels)].map((label) => x.filter((_, i) => labels[i] === label));
  const intra = classes.map((members) => {
    const distances = members.flatMap((a, i) => members.slice(i + 1).map((b) => squared(a, b)));
    const largest = distances.sort((a, b) => b - a).slice(0, k);
    return largest.length === 0 ? 0 : largest.length / sum(largest.map((value) => 1 / value));
  });
  const means = classes.map((members) =>
    members[0]!.map((_, axis) => mean(members.map((row) => row[axis]!))),
  );
  const gaps = means.flatMap((a, i) => means.slice(i + 1).map((b) => squared(a, b)));
  return alpha * sum(intra) + beta * (gaps.length === 0 ? 0 : relu(margin - Math.min(...gaps)));
}

export function marginal(x: Rows, labels: readonly number[], theta: number, xi: number): number {
  const units = x.map(unit);
  return mean(
    pairs(x.length, (i, j) => {
      const sign = labels[i] === labels[j] ? 1 : -1;
      return relu(xi - sign * (theta - squared(units[i]!, units[j]!)));
    }),
  );
}

export function uniform(weights: Rows): number {
  const units = weights.map(unit);
  return mean(pairs(weights.length, (i, j) => 1 / (Math.sqrt(squared(units[i]!, units[j]!)) + 1)));
}

/** Per anchor; the weights are those of `frozen`, so that finite differences do not see them move. */
export function circlePair(
  x: Rows,
  frozen: Rows,
  labels: readonly number[],
  margin: number,
  gamma: number,
): number[] {
  const [units, fixed] = [x.map(unit), frozen.map(unit)];
  const dot = (rows: Rows, i: number, j: number) => sum(rows[i]!.map((value, k) => value * rows[j]![k]!));
  return labels.map((label, a) => {
    const others = labels.map((_, i) => i).filter((i) => i !== a);
    const positives = others
      .filter((i) => labels[i] === label)
      .map((i) => -gamma * relu(1 + margin - dot(fixed, a, i)) * (dot(units, a, i) - (1 - margin)));
    const negatives = others
      .filter((i) => labels[i] !== label)
      .map((i) => gamma * relu(dot(fixed, a, i) + margin) * (dot(units, a, i) - margin));
    if (positives.length === 0 || negatives.length === 0) return 0;
    return softplus(logSumExp(positives) + logSumExp(negatives));
  });
}
