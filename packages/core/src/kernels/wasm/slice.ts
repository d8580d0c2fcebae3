/** Parts of tensors on the wasm backend. tfjs' own kernels copy the whole of x out of the memory for each part of it. */
import { backend_util, slice_util, type Tensor, type TensorInfo, util } from '@tensorflow/tfjs-core';
import { type FastKernel, sizeOf } from '../fast';
import { moduleFor, pointerOf, type WasmBackend } from './instance';

export const slice: FastKernel = ({ x }, attributes, backend: WasmBackend) => {
  const memory = memoryFor(x, backend);
  if (!memory) return undefined;
  const [begin, size] = slice_util.parseSliceParams(x, attributes.begin, attributes.size) as [
    number[],
    number[],
  ];
  slice_util.assertParamsValid(x, begin, size);
  return part(x, begin, size, memory, backend);
};

export const splitV: FastKernel = ({ x }: { x: TensorInfo }, attributes, backend: WasmBackend) => {
  const memory = memoryFor(x, backend);
  if (!memory) return undefined;
  const axis = util.parseAxisParam(attributes.axis, x.shape)[0]!;
  let start = 0;
  return backend_util.prepareSplitSize(x as Tensor, attributes.numOrSizeSplits, axis).map((length) => {
    const begin = replaced(
      x.shape.map(() => 0),
      axis,
      start,
    );
    start += length;
    return part(x, begin, replaced(x.shape, axis, length), memory, backend);
  });
};

export const unpack: FastKernel = ({ value }: { value: TensorInfo }, attributes, backend: WasmBackend) => {
  const memory = memoryFor(value, backend);
  if (!memory) return undefined;
  const axis = util.parseAxisParam(attributes.axis, value.shape)[0]!;
  const shape = value.shape.filter((_, i) => i !== axis);
  return Array.from({ length: value.shape[axis]! }, (_, i) => {
    const begin = replaced(
      value.shape.map(() => 0),
      axis,
      i,
    );
    return { ...part(value, begin, replaced(value.shape, axis, 1), memory, backend), shape };
  });
};

const replaced = (shape: readonly number[], axis: number, length: number): number[] =>
  shape.map((size, i) => (i === axis ? length : size));

type Memory = WebAssembly.Memory;

function memoryFor({ dtype }: TensorInfo, backend: WasmBackend): Memory | undefined {
  return dtype === 'string' || dtype === 'complex64' ? undefined : moduleFor(backend)?.memory;
}

/** The values of x [..., begin ... begin + size - 1, ...], run by run of what lies together. */
function part(
  x: TensorInfo,
  begin: readonly number[],
  size: readonly number[],
  memory: Memory,
  backend: WasmBackend,
): TensorInfo {
  const out = backend.makeOutput(size, x.dtype);
  if (sizeOf(size) === 0) return out;
  // The last axis of which a part is taken; all behind it are whole.
  let axis = size.length - 1;
  while (axis > 0 && size[axis] === x.shape[axis]) axis--;
  const strides = [...util.computeStrides(x.shape), 1];
  const run = sizeOf(size.slice(axis));
  const bytes = util.bytesPerElement(x.dtype);
  const heap = new (bytes === 1 ? Uint8Array : Uint32Array)(memory.buffer);
  const from = pointerOf(backend, x) / bytes;
  let to = pointerOf(backend, out) / bytes;
  const copy = (depth: number, offset: number): void => {
    const start = offset + (begin[depth] ?? 0) * (strides[depth] ?? 1);
    if (depth >= axis) {
      if (run > 16) heap.copyWithin(to, start, start + run);
      else for (let i = 0; i < run; i++) heap[to + i] = heap[start + i]!;
      to += run;
      return;
    }
    for (let i = 0; i < size[depth]!; i++) copy(depth + 1, start + i * strides[depth]!);
  };
  copy(0, from);
  return out;
}
