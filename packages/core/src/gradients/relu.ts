/** The gradient of relu in one pass over memory; tfjs' own goes through `step`, which looks for NaN and fills tensors. */
import * as tf from '@tensorflow/tfjs-core';
import { defineOp, type Op } from '../op';

/** dx from dy and y = relu(x), all of one shape: dy where y > 0, else 0. */
const reluInputGradient: Op<
  { dy: tf.Tensor; y: tf.Tensor },
  Record<string, never>,
  tf.Tensor
> = /* @__PURE__ */ defineOp({
  name: 'TfkitReluGrad',
  reads: ['y'],
  forward: (inputs) => whereOutputIsPositive(inputs),
  gradient: (dz, { inputs: { y } }) => ({
    dy: () => reluInputGradient({ dy: dz, y }, {}),
    y: () => tf.zerosLike(y),
  }),
});

/** dy where y > 0, else 0. */
export const whereOutputIsPositive = ({ dy, y }: { dy: tf.Tensor; y: tf.Tensor }): tf.Tensor =>
  tf.mul(dy, tf.cast(tf.greater(y, 0), 'float32'));

export const reluGradient: tf.GradConfig = {
  kernelName: 'Relu',
  outputsToSave: [true],
  gradFunc: (dy, [y]) => ({ x: () => reluInputGradient({ dy: dy as tf.Tensor, y: y! }, {}) }),
};
