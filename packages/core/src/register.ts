/**
 * `import '@tfkit/core/register'`: existing tfjs code trains on every backend. Synchronous, so that it works from ESM
 * and CJS alike, before or after the backend is imported; it therefore bundles every table. Prefer `ensureGradients()`
 * and `ensureKernels()`, which load only what is missing.
 */
import './gradients/table';
import { registerWasmKernels } from './kernels/wasm';

registerWasmKernels();
