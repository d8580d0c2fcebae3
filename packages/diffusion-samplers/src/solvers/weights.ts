/** Exact integrals of interpolating polynomials, for the multistep methods. */

/** integral_0^length of l^k exp(rate l) dl, by series near 0 (no cancellation) and by recurrence elsewhere. */
export function exponentialMoment(k: number, rate: number, length: number): number {
  const z = rate * length;
  if (length === -Infinity) return k === 0 && rate > 0 ? -1 / rate : NaN;
  if (Math.abs(z) < 1 + k) {
    let term = length ** (k + 1);
    let sum = term / (k + 1);
    for (let n = 1; n < 60 && Math.abs(term) > 1e-18 * Math.abs(sum); n++) {
      term *= z / n;
      sum += term / (k + 1 + n);
    }
    return sum;
  }
  if (k === 0) return Math.expm1(z) / rate;
  return (length ** k * Math.exp(z) - k * exponentialMoment(k - 1, rate, length)) / rate;
}

/**
 * c_j = integral_0^length of exp(rate l) L_j(l) dl, with L_j the Lagrange basis polynomials on `nodes` (offsets from
 * where the integral starts). Adams-Bashforth is rate 0 on past nodes.
 */
export function lagrangeWeights(nodes: readonly number[], length: number, rate: number): number[] {
  const order = nodes.length;
  const moments = nodes.map((_, k) => exponentialMoment(k, rate, length));
  // The coefficients of L_j by power, as its factors (l - other) / (node - other) are multiplied in.
  const basis = new Float64Array(order);
  return nodes.map((node, j) => {
    basis.fill(0);
    basis[0] = 1;
    for (let i = 0, degree = 0; i < order; i++) {
      if (i === j) continue;
      const gap = node - nodes[i]!;
      degree++;
      for (let k = degree; k >= 0; k--) {
        basis[k] = ((k > 0 ? basis[k - 1]! : 0) - (k < degree ? basis[k]! * nodes[i]! : 0)) / gap;
      }
    }
    return moments.reduce((sum, moment, k) => sum + basis[k]! * moment, 0);
  });
}

/** Adams-Bashforth combinations of equal steps, newest first, up to order 4. */
export const adamsBashforth: readonly (readonly number[])[] = [
  [1],
  [3 / 2, -1 / 2],
  [23 / 12, -16 / 12, 5 / 12],
  [55 / 24, -59 / 24, 37 / 24, -9 / 24],
];
