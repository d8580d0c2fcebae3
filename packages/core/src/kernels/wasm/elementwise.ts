/** Exponentials, copies, sums, linear combination, Adam and segment sums on the wasm backend. */
import { backend_util, type TensorInfo, util } from '@tensorflow/tfjs-core';
import { allFloat32, type FastKernel, sizeOf } from '../fast';
import { forgetPrepared, moduleFor, pointerOf, type WasmBackend, withScratch } from './instance';

export const linearCombination: FastKernel = (inputs, { coefficients }, backend: WasmBackend) => {
  const module = moduleFor(backend);
  const tensors = Object.values(inputs) as TensorInfo[];
  if (!module || !allFloat32(...tensors)) return undefined;
  const count = tensors.length;
  const out = backend.makeOutput(tensors[0]!.shape, 'float32');
  withScratch(backend, [count * 8], (scratch) => {
    const pointers = tensors.map((tensor) => pointerOf(backend, tensor));
    // The view is taken here, after every allocation: growth of the memory detaches older ones.
    const table = new Uint32Array(module.memory.buffer, scratch!, count * 2);
    table.set(pointers);
    new Float32Array(module.memory.buffer, scratch! + count * 4, count).set(coefficients);
    const to = pointerOf(backend, out);
    module.exports.linearCombination(scratch!, scratch! + count * 4, count, to, sizeOf(out.shape));
  });
  return out;
};

/** Updates in place what nothing else refers to, else a copy. */
export const adam: FastKernel = (
  { parameter, firstMoment, secondMoment, gradient },
  { beta1, beta2, stepSize, correction2, epsilon },
  backend: WasmBackend,
) => {
  const module = moduleFor(backend);
  if (!module || !allFloat32(parameter, firstMoment, secondMoment, gradient)) return undefined;
  const size = sizeOf(parameter.shape);
  const outputs = [parameter, firstMoment, secondMoment].map((tensor: TensorInfo): TensorInfo => {
    if (backend.refCount(tensor.dataId) === 1) {
      backend.incRef(tensor.dataId);
      forgetPrepared(backend, tensor);
      return { dataId: tensor.dataId, shape: tensor.shape, dtype: tensor.dtype };
    }
    const copy = backend.makeOutput(tensor.shape, tensor.dtype);
    const from = pointerOf(backend, tensor);
    new Uint8Array(module.memory.buffer).copyWithin(pointerOf(backend, copy), from, from + size * 4);
    return copy;
  });
  const [p, m, v] = outputs.map((tensor) => pointerOf(backend, tensor)) as [number, number, number];
  const g = pointerOf(backend, gradient);
  module.exports.adam(p, m, v, g, size, beta1, beta2, stepSize, 1 / correction2, epsilon);
  return outputs;
};

export const unsortedSegmentSum: FastKernel = ({ x, segmentIds }, { numSegments }, backend: WasmBackend) => {
  const module = moduleFor(backend);
  if (!module || !allFloat32(x) || segmentIds.dtype !== 'int32') return undefined;
  const inner = x.shape.slice(segmentIds.shape.length);
  const out = backend.makeOutput([numSegments, ...inner], 'float32');
  const [from, ids, to] = [x, segmentIds, out].map((tensor) => pointerOf(backend, tensor)) as [
    number,
    number,
    number,
  ];
  module.exports.segmentSum(from, ids, to, sizeOf(segmentIds.shape), sizeOf(inner), numSegments);
  return out;
};

export const exp: FastKernel = ({ x }, _attributes, backend: WasmBackend) => {
  const module = moduleFor(backend);
  if (!module || !allFloat32(x)) return undefined;
  const out = backend.makeOutput(x.shape, 'float32');
  const to = pointerOf(backend, out);
  module.exports.exp(pointerOf(backend, x), to, sizeOf(x.shape));
  return out;
};

/** The same memory once more, as on every other backend; tfjs' own kernel copies it. */
export const identity: FastKernel = ({ x }: { x: TensorInfo }, _attributes, backend: WasmBackend) => {
  backend.incRef(x.dataId);
  return { dataId: x.dataId, shape: x.shape, dtype: x.dtype };
};

export const sum: FastKernel = ({ x }, attributes, backend: WasmBackend) =>
  sumAxis(x, attributes, () => 1, backend);

export const mean: FastKernel = ({ x }, attributes, backend: WasmBackend) =>
  sumAxis(x, attributes, (count) => 1 / count, backend);

/** Sums over axes that are adjacent; others are left to tfjs. */
function sumAxis(
  x: TensorInfo,
  { axis, keepDims }: { axis: number | number[]; keepDims: boolean },
  scale: (count: number) => number,
  backend: WasmBackend,
): TensorInfo | undefined {
  const module = moduleFor(backend);
  const { shape } = x;
  if (!module || !allFloat32(x) || sizeOf(shape) === 0) return undefined;
  const axes = util.parseAxisParam(axis, shape).sort((a, b) => a - b);
  const first = axes[0] ?? 0;
  if (axes.some((value, index) => value !== first + index)) return undefined;
  const last = first + axes.length;
  const [outShape] = backend_util.computeOutAndReduceShapes(shape, axes);
  const out = backend.makeOutput(
    keepDims ? backend_util.expandShapeToKeepDim(outShape, axes) : outShape,
    'float32',
  );
  const [outer, count, inner] = [shape.slice(0, first), shape.slice(first, last), shape.slice(last)].map(
    sizeOf,
  );
  const to = pointerOf(backend, out);
  module.exports.sumAxis(pointerOf(backend, x), to, outer!, count!, inner!, scale(count!));
  return out;
}
