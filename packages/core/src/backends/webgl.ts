import { type BackendLoader, webglLoader } from './loader';

/** Loads the webgl backend from `@tensorflow/tfjs-backend-webgl`; for `selectBackend({backends: [webgl]})` under a bundler. */
export const webgl: BackendLoader = webglLoader(() => import('@tensorflow/tfjs-backend-webgl'));
