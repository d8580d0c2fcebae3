import { type BackendLoader, wasmLoader } from './loader';

/** Loads the wasm backend from `@tensorflow/tfjs-backend-wasm`; for `selectBackend({backends: [wasm]})` under a bundler. */
export const wasm: BackendLoader = wasmLoader(() => import('@tensorflow/tfjs-backend-wasm'));
