/** `affineTransform` and its gradient as loops. */
import * as tf from '@tensorflow/tfjs-core';
import { lastOf } from '../shapes';
import { type AffineGradientInputs, type AffineInputs, type AffineSpec, kindOf } from './affineSpec';
import { numbersOf } from './hostKernels';

export function hostAffineTransform({ x, raw }: AffineInputs, spec: AffineSpec): tf.Tensor[] {
  const { isShiftFirst, sign } = kindOf(spec);
  const { indices, unchanged } = spec;
  const [values, numbers] = [numbersOf(x), numbersOf(raw)];
  const [c, n, batch] = [lastOf(x.shape), lastOf(raw.shape) / 2, x.shape[0]!];
  const logScaleOf = logScales(spec);
  const z = Float32Array.from(values);
  const logDets = new Float32Array(batch);
  for (let at = 0, from = 0, example = 0; example < batch; example++) {
    let logDet = 0;
    for (const end = ((example + 1) * values.length) / batch; at < end; at += c, from += 2 * n) {
      for (let j = 0; j < n; j++) {
        const i = at + indices[unchanged + j]!;
        const shift = sign * numbers[from + j]!;
        const logScale = sign * logScaleOf(numbers[from + n + j]!);
        const scale = Math.exp(logScale);
        z[i] = isShiftFirst ? (values[i]! + shift) * scale : values[i]! * scale + shift;
        logDet += logScale;
      }
    }
    logDets[example] = logDet;
  }
  return [tf.tensor(z, x.shape), tf.tensor1d(logDets)];
}

export function hostAffineTransformGradient(inputs: AffineGradientInputs, spec: AffineSpec): tf.Tensor[] {
  const { isShiftFirst, sign } = kindOf(spec);
  const { x, raw, dz, dLogDet } = inputs;
  const { indices, unchanged, scaleMap, bound } = spec;
  const [values, numbers, onZ, onLogDet] = [numbersOf(x), numbersOf(raw), numbersOf(dz), numbersOf(dLogDet)];
  const [c, n, batch] = [lastOf(x.shape), lastOf(raw.shape) / 2, x.shape[0]!];
  const logScaleOf = logScales(spec);
  const toX = Float32Array.from(onZ);
  const toRaw = new Float32Array(numbers.length);
  for (let at = 0, from = 0, example = 0; example < batch; example++) {
    for (const end = ((example + 1) * values.length) / batch; at < end; at += c, from += 2 * n) {
      for (let j = 0; j < n; j++) {
        const i = at + indices[unchanged + j]!;
        const shift = sign * numbers[from + j]!;
        const s = logScaleOf(numbers[from + n + j]!);
        const scale = Math.exp(sign * s);
        const toChanged = onZ[i]! * scale;
        const onS =
          sign * (toChanged * (isShiftFirst ? values[i]! + shift : values[i]!) + onLogDet[example]!);
        toX[i] = toChanged;
        toRaw[from + j] = sign * (isShiftFirst ? toChanged : onZ[i]!);
        // d s / d r.
        const slope = scaleMap === 'exp' ? 1 : scaleMap === 'tanh' ? 1 - (s / bound) ** 2 : -Math.expm1(s);
        toRaw[from + n + j] = onS * slope;
      }
    }
  }
  return [tf.tensor(toX, x.shape), tf.tensor(toRaw, raw.shape)];
}

function logScales({ scaleMap, bound }: AffineSpec): (raw: number) => number {
  if (scaleMap === 'exp') return (raw) => raw;
  if (scaleMap === 'tanh') return (raw) => bound * Math.tanh(raw / bound);
  // log sigmoid(r + 2) = min(0, r + 2) - log(1 + exp(-|r + 2|)).
  return (raw) => Math.min(0, raw + 2) - Math.log1p(Math.exp(-Math.abs(raw + 2)));
}
