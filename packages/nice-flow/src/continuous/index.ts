/** Continuous normalizing flows. */

export type { SmoothActivation } from '../residual/tangentMlp';
export { type CnfOptions, cnf } from './cnf';
