/** Data-parallel training in Node: groups of ranks, collectives, samplers. What works on tensors is in `@tfkit/ddp/tfjs`. */
export { type RankEnvironment, rankEnvironment } from './environment';
export {
  CollectiveError,
  type CollectiveErrorDetails,
  type CollectiveErrorReason,
  RankError,
  type RankErrorDetails,
} from './errors';
export { initProcessGroup, type ProcessGroupOptions } from './initProcessGroup';
export type {
  BackendName,
  BarrierOptions,
  Pending,
  ProcessGroup,
  ResidentBuffer,
  ResidentOptions,
  SyncProcessGroup,
} from './processGroup';
export { DistributedSampler, type DistributedSamplerOptions } from './sampler';
export { type SpawnOptions, spawn } from './spawn';
