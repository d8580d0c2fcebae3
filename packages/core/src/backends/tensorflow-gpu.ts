import { repairNodeUtil } from '../repair-node-util';
import { type BackendLoader, tensorflowGpuLoader } from './loader';

/** Loads the tensorflow backend from `@tensorflow/tfjs-node-gpu` (CUDA). Node only. */
export const tensorflowGpu: BackendLoader = tensorflowGpuLoader(async () => {
  await repairNodeUtil();
  return import('@tensorflow/tfjs-node-gpu' as string);
});
