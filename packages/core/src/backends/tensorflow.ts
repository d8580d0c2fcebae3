import { repairNodeUtil } from '../repair-node-util';
import { type BackendLoader, tensorflowLoader } from './loader';

/** Loads the tensorflow backend from `@tensorflow/tfjs-node`. Node only. */
export const tensorflow: BackendLoader = tensorflowLoader(async () => {
  await repairNodeUtil();
  return import('@tensorflow/tfjs-node' as string);
});
