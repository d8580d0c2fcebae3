/** Linear combinations of registers, in which solvers are written; coefficients are float64. */

/** `sum coefficient * register`, each register once. */
export type Form = readonly (readonly [register: number, coefficient: number])[];

/** `c0 * f0 + c1 * f1 + ...`: coefficients and forms take turns. Terms that cancel to exactly 0 are dropped. */
export function lin(...parts: readonly (number | Form)[]): Form {
  const terms: [number, number][] = [];
  let cancelled = false;
  for (let i = 0; i < parts.length; i += 2) {
    const factor = parts[i] as number;
    if (factor === 0) continue;
    const form = parts[i + 1] as Form;
    for (let k = 0; k < form.length; k++) {
      const [register, coefficient] = form[k]!;
      let at = 0;
      while (at < terms.length && terms[at]![0] !== register) at++;
      if (at < terms.length) terms[at]![1] += factor * coefficient;
      else terms.push([register, factor * coefficient]);
      cancelled ||= terms[at]![1] === 0;
    }
  }
  return cancelled ? terms.filter((term) => term[1] !== 0) : terms;
}
