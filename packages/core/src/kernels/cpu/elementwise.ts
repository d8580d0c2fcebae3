/** Linear combination, Adam and segment sums on the cpu backend. */
import type { TensorInfo } from '@tensorflow/tfjs-core';
import { type FastKernel, sizeOf } from '../fast';
import { type CpuBackend, floatsOf } from './data';

export const linearCombination: FastKernel = (inputs, { coefficients }, backend: CpuBackend) => {
  const tensors = Object.values(inputs) as TensorInfo[];
  const arrays = tensors.map((tensor) => floatsOf(backend, tensor));
  if (!arrays.every((array) => array !== undefined)) return undefined;
  const out = new Float32Array(arrays[0]!.length);
  // Three at a time: a loop over arrays inside the loop over elements is five times slower.
  for (let i = 0; i < arrays.length; i += 3) {
    const [a, b, c] = [arrays[i]!, arrays[i + 1], arrays[i + 2]];
    const [u, v, w] = [coefficients[i], coefficients[i + 1], coefficients[i + 2]];
    if (c) addThree(out, a, u, b!, v, c, w);
    else if (b) addTwo(out, a, u, b, v);
    else addOne(out, a, u);
  }
  return backend.makeTensorInfo(tensors[0]!.shape, 'float32', out);
};

type Floats = Float32Array;

function addThree(out: Floats, a: Floats, u: number, b: Floats, v: number, c: Floats, w: number): void {
  for (let i = 0; i < out.length; i++) out[i]! += u * a[i]! + v * b[i]! + w * c[i]!;
}

function addTwo(out: Floats, a: Floats, u: number, b: Floats, v: number): void {
  for (let i = 0; i < out.length; i++) out[i]! += u * a[i]! + v * b[i]!;
}

function addOne(out: Floats, a: Floats, u: number): void {
  for (let i = 0; i < out.length; i++) out[i]! += u * a[i]!;
}

/** Into new arrays: the old ones may be in the hands of a user, to whom `data()` gives them uncopied. */
export const adam: FastKernel = (
  inputs,
  { beta1, beta2, stepSize, correction2, epsilon },
  backend: CpuBackend,
) => {
  const { parameter, firstMoment, secondMoment, gradient } = inputs;
  const [p, m, v, g] = [parameter, firstMoment, secondMoment, gradient].map((t) => floatsOf(backend, t));
  if (!p || !m || !v || !g) return undefined;
  const [newP, newM, newV] = [
    new Float32Array(p.length),
    new Float32Array(p.length),
    new Float32Array(p.length),
  ];
  for (let i = 0; i < p.length; i++) {
    const gradientValue = g[i]!;
    const first = beta1 * m[i]! + (1 - beta1) * gradientValue;
    const second = beta2 * v[i]! + (1 - beta2) * gradientValue * gradientValue;
    newM[i] = first;
    newV[i] = second;
    newP[i] = p[i]! - (stepSize * first) / (Math.sqrt(second / correction2) + epsilon);
  }
  return [newP, newM, newV].map((values) => backend.makeTensorInfo(parameter.shape, 'float32', values));
};

export const unsortedSegmentSum: FastKernel = ({ x, segmentIds }, { numSegments }, backend: CpuBackend) => {
  const values = floatsOf(backend, x);
  const ids = backend.data.get(segmentIds.dataId)?.values;
  if (!values || !(ids instanceof Int32Array)) return undefined;
  const inner = x.shape.slice(segmentIds.shape.length);
  const width = sizeOf(inner);
  const out = new Float32Array(numSegments * width);
  for (let row = 0; row < ids.length; row++) {
    const id = ids[row]!;
    if (id < 0 || id >= numSegments) continue;
    for (let i = 0; i < width; i++) out[id * width + i]! += values[row * width + i]!;
  }
  return backend.makeTensorInfo([numSegments, ...inner], 'float32', out);
};
