/** The gradient of relu as an op of its own, which backends can run in one pass. */
import * as tf from '@tensorflow/tfjs-core';
import { defineOp, type Op } from '../op';

/** dy where y > 0, else 0; y is the output of relu. */
export const reluGradient: Op<
  { dy: tf.Tensor; y: tf.Tensor },
  Record<string, never>,
  tf.Tensor
> = /* @__PURE__ */ defineOp({
  name: 'TfkitReluGrad',
  forward: (inputs) => maskedByStep(inputs),
  reads: ['y'],
  gradient: (dz, { inputs: { y } }) => ({
    dy: () => reluGradient({ dy: dz, y }, {}),
    y: () => tf.zerosLike(y),
  }),
});

export const maskedByStep = ({ dy, y }: { dy: tf.Tensor; y: tf.Tensor }): tf.Tensor =>
  tf.mul(dy, tf.cast(tf.step(y), 'float32'));
