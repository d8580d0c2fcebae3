/** Residual flows and their forebears: planar, radial, invertible residual layers. */
export { planar, radial } from './planarRadial';
export { type ResidualOptions, residual } from './residual';
export type { SmoothActivation } from './tangentMlp';
