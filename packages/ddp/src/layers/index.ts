/** tf.layers classes. Importing this registers them, so that saved models load. */
import { serialization } from '@tensorflow/tfjs-core';
import { SyncBatchNormalization } from './syncBatchNormalization';

serialization.registerClass(SyncBatchNormalization as never);

export {
  convertSyncBatchNorm,
  SyncBatchNormalization,
  type SyncBatchNormalizationArgs,
  syncBatchNormalization,
} from './syncBatchNormalization';
