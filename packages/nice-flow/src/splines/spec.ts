/** What a rational-quadratic spline is, for the op and its kernels. */

/**
 * What the map is outside of [-bound, bound]. 'identity': z = x, with slope 1 at the ends. 'linear': goes on with the
 * slope that it has at the ends, which is learnt. 'circular': the interval is a circle, and z(x + 2 bound) = z(x) + 2 bound.
 */
export type SplineTails = 'identity' | 'linear' | 'circular';

/** `direction` 'inverse' takes z and gives x. All other fields as in `RationalQuadraticOptions`. */
export interface SplineSpec {
  readonly bins: number;
  readonly bound: number;
  readonly tails: SplineTails;
  readonly minBinWidth: number;
  readonly minBinHeight: number;
  readonly minDerivative: number;
  readonly derivatives: 'softplus' | 'exp';
  readonly direction: 'forward' | 'inverse';
}

/** How many derivatives come from the net: at inner knots, at all, or at all with the two ends as one. */
export function derivativeCount({ bins, tails }: Pick<SplineSpec, 'bins' | 'tails'>): number {
  if (tails === 'identity') return bins - 1;
  return tails === 'linear' ? bins + 1 : bins;
}

/** Numbers for each element: widths, heights, derivatives. */
export function splineOutputs(spec: Pick<SplineSpec, 'bins' | 'tails'>): number {
  return 2 * spec.bins + derivativeCount(spec);
}
