/** The log-determinant of a scale that each of some positions has. */
import * as tf from '@tensorflow/tfjs-core';
import { sizeOf } from '@tfkit/core';
import { defineOp } from '@tfkit/core/tfjs';
import { hostKernels, numbersOf, smallOnHost } from './hostKernels';

type SpreadAttributes = { positions: number; shape: number[] };

const spread = /* @__PURE__ */ defineOp<{ dy: tf.Tensor }, SpreadAttributes>({
  name: 'NiceFlowLogScaleSumGradient',
  forward: ({ dy }, { positions, shape }) => tf.mul(tf.fill(shape, positions), dy),
  kernels: /* @__PURE__ */ hostKernels(({ dy }: { dy: tf.Tensor }, { positions, shape }: SpreadAttributes) =>
    tf.tensor(new Float32Array(sizeOf(shape)).fill(positions * numbersOf(dy)[0]!), shape),
  ),
  gradient: (dy, _, { positions }) => ({ dy: () => tf.mul(tf.sum(dy), positions) }),
});

/** positions * sum(logScale), a scalar. */
export const logScaleSum = /* @__PURE__ */ defineOp<{ logScale: tf.Tensor }, { positions: number }>({
  name: 'NiceFlowLogScaleSum',
  forward: ({ logScale }, { positions }) => tf.mul(tf.sum(logScale), positions),
  kernels: /* @__PURE__ */ hostKernels(
    ({ logScale }: { logScale: tf.Tensor }, { positions }: { positions: number }) =>
      tf.scalar(positions * numbersOf(logScale).reduce((sum, value) => sum + value, 0), 'float32'),
    smallOnHost,
  ),
  reads: [],
  gradient: (dy, { inputs: { logScale } }, { positions }) => ({
    logScale: () => spread({ dy }, { positions, shape: logScale.shape }),
  }),
});
