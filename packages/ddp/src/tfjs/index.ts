/** Data-parallel training of TensorFlow.js models and variables. */
export { resume, saveOnRank0 } from './checkpoints';
export type { DataParallel, VariableGradients } from './dataParallel';
export { type DdpOptions, ddp } from './ddp';
export { type LocalSgd, type LocalSgdOptions, localSgd } from './localSgd';
export { type ReduceMetricsOptions, reduceMetrics } from './metrics';
export { type PowerSgd, type PowerSgdOptions, powerSgd } from './powerSgd';
export { type ShardedOptimizer, type ShardedOptimizerOptions, shardOptimizer } from './sharded';
export {
  type SyncBatchNormOptions,
  type SyncBatchNormResult,
  type SyncGroup,
  syncBatchNorm,
} from './syncBatchNorm';
export type { DdpTarget, LayersModelLike, LayerWeight } from './variables';
