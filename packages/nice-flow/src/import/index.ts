/** Flows trained in Python, from safetensors files. */
export type { CheckpointFile } from './checkpoint';
export { type ImportNflowsOptions, type ImportOptions, importNflows } from './nflows';
export { type ImportNormflowsOptions, importNormflows } from './normflows';
export { type ImportZukoOptions, importZuko } from './zuko';
