import * as tf from '@tensorflow/tfjs-core';
import { key } from '@tfkit/core';
import { encodeSafetensors } from '@tfkit/core/weights';
import type { Samples } from './sample';

const unchecked = 'a part of dilated convolutions, which check before they call it';
const file = () => encodeSafetensors({ w: { shape: [2], data: Float32Array.of(1, 2) } });
const variables = () => tf.tidy(() => ({ w: tf.variable(tf.ones([2])) }));

export const core: Samples = {
  '.#checkDType': () => [['f', 'x'], { dtype: 'float32' }, ['float32', 'int32']],
  '.#checkInteger': () => [['f', 'x'], 2, { min: 0, max: 4 }],
  '.#checkKnownOptions': () => ['f', { a: 1 }, ['a', 'b']],
  '.#checkNumber': () => [['f', 'x'], 2, { min: 0, max: 4 }],
  '.#checkOneOf': () => [['f', 'x'], 'a', ['a', 'b']],
  '.#checkRank': () => [['f', 'x'], { shape: [2, 3] }, 2, '[rows, columns]'],
  '.#checkSameShape': () => [['f', 'x'], { shape: [2, 3] }, 'y', { shape: [2, 3] }],
  '.#checkShape': () => [['f', 'x'], { shape: [2, 3] }, [null, 3]],
  '.#formatShape': () => [[null, 3]],
  './convolution#conv2dFilterGradient': unchecked,
  './convolution#conv2dInputGradient': unchecked,
  './convolution#convolution2d': unchecked,
  './convolution#depthwiseConvolution2d': unchecked,
  './convolution#depthwiseFilterGradient': unchecked,
  './convolution#depthwiseInputGradient': unchecked,
  './tfjs#defineOp': () => [
    { name: 'Twice', forward: ({ x }: { x: tf.Tensor }) => tf.mul(x, 2), gradient: () => ({}) },
  ],
  './tfjs#linearCombination': () => [
    [1, 2],
    [tf.ones([4]), tf.ones([4])],
  ],
  './tfjs#loadCheckpoint': 'needs a file written by saveCheckpoint, which is asynchronous',
  './tfjs#loadSafetensors': () => [file()],
  './tfjs#saveCheckpoint': () => [{ variables: variables(), key: key(0), step: 2 }],
  './tfjs#saveSafetensors': () => [{ w: tf.ones([2, 2]) }],
  './tfjs#tidyAsync': () => [async (own: (x: tf.Tensor) => tf.Tensor) => own(tf.ones([2]))],
  './weights#decodeSafetensors': () => [file()],
  './weights#encodeSafetensors': () => [{ w: { shape: [2], data: Float32Array.of(1, 2) } }],
  './weights#toTypedArray': () => [{ dtype: 'F32', shape: [2], bytes: new Uint8Array(8) }],
};
