import { type BackendLoader, webgpuLoader } from './loader';

/** Loads the webgpu backend from `@tensorflow/tfjs-backend-webgpu`; for `selectBackend({backends: [webgpu]})` under a bundler. */
export const webgpu: BackendLoader = webgpuLoader(() => import('@tensorflow/tfjs-backend-webgpu'));
