/** Learning by lower bounds: a flow for a density that cannot be sampled, and learnt noise for integers. */
export type { Dequantizer } from './dequantizer';
export {
  type FitDensityOptions,
  type FitDensityProgress,
  fitDensity,
  type LogDensity,
} from './fitDensity';
export { variationalDequantizer } from './variationalDequantizer';
