/**
 * `import '@tfkit/core/register'`: existing tfjs code trains on every backend. Synchronous, so that it works from ESM
 * and CJS alike, before or after the backend is imported; it therefore bundles every table. Prefer `ensureGradients()`
 * and `ensureKernels()`, which load only what is missing.
 */
import '@tfkit/core/gradients/table';
import { correctGradients } from './gradients';
import { keepApplied } from './kernels';
import { applyCpuKernels } from './kernels/cpu';
import { applyTensorflowKernels } from './kernels/tensorflow';
import { applyWasmKernels } from './kernels/wasm';
import { applyWebglKernels } from './kernels/webgl';
import { applyWebgpuKernels } from './kernels/webgpu';

const tables = {
  cpu: applyCpuKernels,
  wasm: applyWasmKernels,
  webgl: applyWebglKernels,
  webgpu: applyWebgpuKernels,
  tensorflow: applyTensorflowKernels,
};

correctGradients();
for (const [backend, applyKernels] of Object.entries(tables)) {
  keepApplied(backend, () => {
    applyKernels();
    // Again: tfjs-layers and the union package, imported since, have put tfjs' own gradients in their place.
    correctGradients();
  });
}
