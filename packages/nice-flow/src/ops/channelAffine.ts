/** Actnorm's map, z = (x + bias) * exp(logScale) with a pair for each entry of the last axis. */
import * as tf from '@tensorflow/tfjs-core';
import { defineOp } from '@tfkit/core/tfjs';
import { channelAxes } from '../shapes';
import { hostKernels, isDifferentiatedAgain, numbersOf, smallOnHost } from './hostKernels';

type Inputs = { x: tf.Tensor; bias: tf.Tensor; logScale: tf.Tensor };
type GradientInputs = Inputs & { dy: tf.Tensor };

const gradientOp = /* @__PURE__ */ defineOp<GradientInputs>({
  name: 'NiceFlowChannelAffineGradient',
  forward: (inputs) => composedGradient(inputs),
  kernels: /* @__PURE__ */ hostKernels(hostGradient, smallOnHost),
  gradient: () => ({}),
});

/** z [..., c] of x [..., c], bias [c] and logScale [c]. Differentiable twice. */
export const channelAffine = /* @__PURE__ */ defineOp<Inputs>({
  name: 'NiceFlowChannelAffine',
  forward: ({ x, bias, logScale }) => tf.mul(tf.add(x, bias), tf.exp(logScale)),
  kernels: /* @__PURE__ */ hostKernels(host, smallOnHost),
  gradient(dy, { inputs }) {
    const all = { ...inputs, dy };
    const [x, bias, logScale] = isDifferentiatedAgain() ? composedGradient(all) : gradientOp.all(all, {});
    return { x: () => tf.clone(x), bias: () => tf.clone(bias!), logScale: () => tf.clone(logScale!) };
  },
});

function composedGradient({ x, bias, logScale, dy }: GradientInputs): [tf.Tensor, ...tf.Tensor[]] {
  const toX = tf.mul(dy, tf.exp(logScale));
  const axes = channelAxes(x);
  return [toX, tf.sum(toX, axes), tf.sum(tf.mul(toX, tf.add(x, bias)), axes)];
}

function host({ x, bias, logScale }: Inputs): tf.Tensor {
  const [values, shifts, scales] = [numbersOf(x), numbersOf(bias), numbersOf(logScale).map(Math.exp)];
  const channels = shifts.length;
  const z = new Float32Array(values.length);
  for (let at = 0; at < z.length; at += channels) {
    for (let c = 0; c < channels; c++) z[at + c] = (values[at + c]! + shifts[c]!) * scales[c]!;
  }
  return tf.tensor(z, x.shape);
}

function hostGradient({ x, bias, logScale, dy }: GradientInputs): tf.Tensor[] {
  const [values, shifts, scales] = [numbersOf(x), numbersOf(bias), numbersOf(logScale).map(Math.exp)];
  const upstream = numbersOf(dy);
  const channels = shifts.length;
  const toX = new Float32Array(values.length);
  const [toBias, toLogScale] = [new Float64Array(channels), new Float64Array(channels)];
  for (let at = 0; at < toX.length; at += channels) {
    for (let c = 0; c < channels; c++) {
      const onX = upstream[at + c]! * scales[c]!;
      toX[at + c] = onX;
      toBias[c]! += onX;
      toLogScale[c]! += onX * (values[at + c]! + shifts[c]!);
    }
  }
  return [
    tf.tensor(toX, x.shape),
    tf.tensor1d(Float32Array.from(toBias)),
    tf.tensor1d(Float32Array.from(toLogScale)),
  ];
}
