/** Linear combinations of registers, in which solvers are written; coefficients are float64. */

/** `sum coefficient * register`, each register once. */
export type Form = readonly (readonly [register: number, coefficient: number])[];

/** `c0 * f0 + c1 * f1 + ...`: coefficients and forms take turns. Terms that cancel to exactly 0 are dropped. */
export function lin(...parts: readonly (number | Form)[]): Form {
  const terms: [number, number][] = [];
  for (let i = 0; i < parts.length; i += 2) {
    const factor = parts[i] as number;
    if (factor === 0) continue;
    for (const [register, coefficient] of parts[i + 1] as Form) {
      const found = terms.find((term) => term[0] === register);
      if (found) found[1] += factor * coefficient;
      else terms.push([register, factor * coefficient]);
    }
  }
  return terms.filter((term) => term[1] !== 0);
}
