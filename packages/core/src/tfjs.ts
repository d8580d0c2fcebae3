/** The part of core that works on TensorFlow.js: backends, gradients, kernels, ops, numerics, memory. */
export { type AdamOptions, adam } from './adam';
export type { BackendLoader, BackendName } from './backends/loader';
export {
  type BackendAttempt,
  type SelectBackendOptions,
  type SelectedBackend,
  selectBackend,
} from './backends/select';
export { ensureGradients } from './gradients';
export { ensureKernels } from './kernels';
export type { FastKernel, KernelOutput } from './kernels/fast';
export { tidyAsync } from './memory';
export { backendEpsilon, logSigmoid, safeAcos, safeNormalize, softplus } from './numerics';
export {
  defineOp,
  type Op,
  type OpAttributes,
  type OpDefinition,
  type OpInputs,
  type OpResult,
} from './op';
export { linearCombination } from './ops/linearCombination';
export { randomNormal, randomUniform } from './random-tensors';
export {
  type CheckpointVariable,
  type CheckpointVariables,
  type LoadCheckpointOptions,
  type LoadedCheckpoint,
  loadCheckpoint,
  type SaveCheckpointOptions,
  saveCheckpoint,
} from './weights/checkpoint';
export { loadSafetensors, type SaveSafetensorsOptions, saveSafetensors } from './weights/tensors';
