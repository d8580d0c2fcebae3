import * as tf from '@tensorflow/tfjs-core';
import { initProcessGroup } from '@tfkit/ddp';
import type { Samples } from './sample';

const group = await initProcessGroup();
const variables = () => tf.tidy(() => ({ w: tf.variable(tf.ones([2, 2])) }));

export const ddp: Samples = {
  '.#spawn': 'starts worker threads',
  '.#initProcessGroup': 'waits for other ranks where the environment names any',
  './layers#convertSyncBatchNorm': () => [{ layers: [] }, { group }],
  './layers#syncBatchNormalization': () => [{ momentum: 0.9, epsilon: 1e-3 }],
  './tfjs#ddp': () => [variables(), { group, bucketBytes: 1024 }],
  './tfjs#localSgd': () => [variables(), { group, period: 2 }],
  './tfjs#powerSgd': () => [variables(), { group, rank: 1, seed: 1 }],
  './tfjs#reduceMetrics': () => [{ loss: 1 }, { group, weight: 2 }],
  './tfjs#resume': 'reads a file',
  './tfjs#saveOnRank0': 'writes a file',
  './tfjs#shardOptimizer': () => [variables(), { group, optimizer: tf.train.sgd(0.1) }],
};
