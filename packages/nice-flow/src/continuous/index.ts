/** Continuous normalizing flows. */
export { type CnfOptions, cnf } from './cnf';
export type { SmoothActivation } from '../residual/tangentMlp';
