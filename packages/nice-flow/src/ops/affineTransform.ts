/** An affine coupling in one op: what a net's numbers do to one part of the last axis, and the log-determinant. */
import * as tf from '@tensorflow/tfjs-core';
import { defineOp, logSigmoid } from '@tfkit/core/tfjs';
import { inverseOrder, lastOf, permuteLast, sliceLast, sumEvent } from '../shapes';
import { type AffineGradientInputs, type AffineInputs, type AffineSpec, kindOf } from './affineSpec';
import { hostAffineTransform, hostAffineTransformGradient } from './hostAffineTransform';
import { hostKernels, isDifferentiatedAgain, smallOnHost } from './hostKernels';

const gradientOp = /* @__PURE__ */ defineOp<AffineGradientInputs, AffineSpec>({
  name: 'NiceFlowAffineTransformGradient',
  forward: (inputs, spec) => composedGradient(inputs, spec),
  kernels: /* @__PURE__ */ hostKernels(hostAffineTransformGradient, smallOnHost),
  gradient: () => ({}),
});

const op = /* @__PURE__ */ defineOp<AffineInputs, AffineSpec>({
  name: 'NiceFlowAffineTransform',
  forward: (inputs, spec) => composed(inputs, spec),
  kernels: /* @__PURE__ */ hostKernels(hostAffineTransform, smallOnHost),
  gradient(dz, { inputs }, spec, [, dLogDet]) {
    const all = { ...inputs, dz, dLogDet: dLogDet! };
    const [x, raw] = isDifferentiatedAgain() ? composedGradient(all, spec) : gradientOp.all(all, spec);
    return { x: () => tf.clone(x), raw: () => tf.clone(raw!) };
  },
});

/** The map's result in x's shape, and its own log-determinant [batch]. Differentiable twice. */
export function affineTransform(
  inputs: AffineInputs,
  spec: AffineSpec,
): { value: tf.Tensor; logDet: tf.Tensor1D } {
  const [value, logDet] = op.all(inputs, spec) as [tf.Tensor, tf.Tensor1D];
  return { value, logDet };
}

/** s of r. */
export function logScaleOf(
  raw: tf.Tensor,
  { scaleMap, bound }: Pick<AffineSpec, 'scaleMap' | 'bound'>,
): tf.Tensor {
  if (scaleMap === 'exp') return raw;
  if (scaleMap === 'tanh') return tf.mul(tf.tanh(tf.div(raw, bound)), bound);
  return logSigmoid(tf.add(raw, 2));
}

/** The parts of [..., c] that pass and that change. */
function divide(x: tf.Tensor, { indices, unchanged }: AffineSpec): [tf.Tensor, tf.Tensor] {
  const ordered = permuteLast(x, indices);
  return [sliceLast(ordered, 0, unchanged), sliceLast(ordered, unchanged, indices.length - unchanged)];
}

function join(passed: tf.Tensor, changed: tf.Tensor, { indices }: AffineSpec): tf.Tensor {
  return permuteLast(tf.concat([passed, changed], -1), inverseOrder(indices));
}

function locals({ x, raw }: AffineInputs, spec: AffineSpec) {
  const { isShiftFirst, sign } = kindOf(spec);
  const n = lastOf(raw.shape) / 2;
  const [passed, changed] = divide(x, spec);
  const signed = (tensor: tf.Tensor) => (sign === 1 ? tensor : tf.neg(tensor));
  const shift = signed(sliceLast(raw, 0, n));
  const logScale = signed(logScaleOf(sliceLast(raw, n, n), spec));
  const scaled = tf.mul(isShiftFirst ? tf.add(changed, shift) : changed, tf.exp(logScale));
  return { isShiftFirst, signed, passed, shift, logScale, scaled };
}

function composed(inputs: AffineInputs, spec: AffineSpec): [tf.Tensor, tf.Tensor] {
  const { isShiftFirst, passed, shift, logScale, scaled } = locals(inputs, spec);
  return [join(passed, isShiftFirst ? scaled : tf.add(scaled, shift), spec), sumEvent(logScale)];
}

function composedGradient(inputs: AffineGradientInputs, spec: AffineSpec): [tf.Tensor, tf.Tensor] {
  const { isShiftFirst, signed, logScale, scaled } = locals(inputs, spec);
  const { dz, dLogDet, x } = inputs;
  const [onPassed, onChanged] = divide(dz, spec);
  const toChanged = tf.mul(onChanged, tf.exp(logScale));
  const perExample = tf.reshape(dLogDet, [x.shape[0]!, ...x.shape.slice(1).map(() => 1)]);
  const onLogScale = tf.add(tf.mul(onChanged, scaled), perExample);
  const { scaleMap, bound } = spec;
  const s = signed(logScale);
  const toRaw =
    scaleMap === 'exp'
      ? onLogScale
      : tf.mul(onLogScale, tf.sub(1, scaleMap === 'tanh' ? tf.square(tf.div(s, bound)) : tf.exp(s)));
  return [
    join(onPassed, toChanged, spec),
    tf.concat([signed(isShiftFirst ? toChanged : onChanged), signed(toRaw)], -1),
  ];
}
