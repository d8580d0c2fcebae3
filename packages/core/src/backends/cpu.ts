import { type BackendLoader, cpuLoader } from './loader';

/** Loads the cpu backend from `@tensorflow/tfjs-backend-cpu`; for `selectBackend({backends: [cpu]})` under a bundler. */
export const cpu: BackendLoader = cpuLoader(() => import('@tensorflow/tfjs-backend-cpu'));
