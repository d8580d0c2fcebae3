/**
 * Writing into tensors on backends whose tensors lie in host memory: cpu, wasm and tensorflow. tfjs' tensors are
 * immutable, so the target must be one that nobody else holds; it is what lets a gradient be filled chunk by chunk
 * instead of being concatenated, which needs twice the memory. The internals used are those of tfjs 4.22, each is
 * tested for at its first use, and without them the callers compose public ops.
 */
import * as tf from '@tensorflow/tfjs-core';
import { tensorflowOp } from './tensorflow';

export interface InPlace {
  /** A matrix that is written before it is read; its memory may come page by page as that happens. */
  allocate(shape: [number, number]): tf.Tensor2D;
  /** Overwrites the elements of `target` from flat index `start` on by those of `values`. */
  writeBlock(target: tf.Tensor, start: number, values: tf.Tensor): void;
  /** Overwrites rows of `target` [rows, width]: row `ids[i]` becomes row i of `values`. */
  writeRows(target: tf.Tensor2D, ids: Int32Array, values: tf.Tensor2D): void;
  /** Overwrites single elements of `target` by their flat indices. */
  writeElements(target: tf.Tensor, indices: Int32Array, value: number): void;
}

/** By backend. */
const writers: Readonly<Record<string, (backend: unknown) => InPlace | undefined>> = {
  cpu: onCpu,
  wasm: onWasm,
  tensorflow: onTensorflow,
};

const found = new WeakMap<object, InPlace | undefined>();

/** In-place writes for the current backend, if it has them. */
export function inPlace(): InPlace | undefined {
  const backend = tf.backend();
  if (!found.has(backend)) {
    const candidate = writers[tf.getBackend()]?.(backend);
    found.set(backend, candidate && works(candidate) ? candidate : undefined);
  }
  return found.get(backend);
}

/** Writes to a small tensor and looks whether it took. */
function works(candidate: InPlace): boolean {
  try {
    return tf.tidy(() => {
      const target = tf.fill([3, 2], 1) as tf.Tensor2D;
      candidate.writeRows(target, Int32Array.of(2, 0), tf.tensor2d([3, 4, 5, 6], [2, 2]));
      candidate.writeElements(target, Int32Array.of(3), 7);
      const matrix = candidate.allocate([4, 1]);
      candidate.writeBlock(matrix, 2, tf.tensor2d([3, 4], [2, 1]));
      candidate.writeBlock(matrix, 0, tf.tensor2d([1, 2], [2, 1]));
      return `${target.dataSync().join()},${matrix.dataSync().join()}` === '5,6,1,7,3,4,1,2,3,4';
    });
  } catch {
    return false;
  }
}

type Floats = (tensor: tf.Tensor) => Float32Array;

/** All writes, where a tensor's memory can be had as an array. */
function onFloats(floatsOf: Floats): InPlace {
  return {
    allocate: (shape) => tf.fill(shape, 0),
    writeBlock: (target, start, values) => floatsOf(target).set(floatsOf(values), start),
    writeRows(target, ids, values) {
      const [to, from] = [floatsOf(target), floatsOf(values)];
      const width = target.shape[1];
      for (let i = 0; i < ids.length; i++) {
        to.set(from.subarray(i * width, (i + 1) * width), ids[i]! * width);
      }
    },
    writeElements(target, indices, value) {
      const to = floatsOf(target);
      for (const index of indices) to[index] = value;
    },
  };
}

function onCpu(backend: unknown): InPlace {
  const { data } = backend as { data: { get(dataId: object): { values: Float32Array } } };
  return onFloats((tensor) => data.get(tensor.dataId).values);
}

interface WasmBackend {
  readonly wasm: { wasmMemory?: WebAssembly.Memory; asm?: { memory?: WebAssembly.Memory } };
  readonly dataIdMap: { get(dataId: object): { memoryOffset: number } };
}

function onWasm(backend: unknown): InPlace | undefined {
  const { wasm, dataIdMap } = backend as WasmBackend;
  const memory = wasm?.wasmMemory ?? wasm?.asm?.memory;
  if (!(memory instanceof WebAssembly.Memory)) return undefined;
  return onFloats((tensor) => {
    const { memoryOffset } = dataIdMap.get(tensor.dataId);
    return new Float32Array(memory.buffer, memoryOffset >>> 0, tensor.size);
  });
}

/** TensorFlow's InplaceUpdate writes to its first input, whoever holds it, and returns a second handle to it. */
function onTensorflow(): InPlace {
  const update = (target: tf.Tensor, ids: Int32Array, values: tf.Tensor) =>
    tf.tidy(() => {
      tensorflowOp('InplaceUpdate', { T: 'float32' }, [target, tf.tensor1d(ids, 'int32'), values]);
    });
  return {
    allocate: (shape) =>
      tf.tidy(() => {
        const size = tf.tensor1d(shape, 'int32');
        return tensorflowOp('Empty', { dtype: 'float32', init: false }, [size]) as tf.Tensor2D;
      }),
    // As few and as long rows as the sizes allow.
    writeBlock(target, start, values) {
      const width = commonDivisor(commonDivisor(target.size, start), values.size);
      const ids = Int32Array.from({ length: values.size / width }, (_, i) => start / width + i);
      tf.tidy(() => update(tf.reshape(target, [-1, width]), ids, tf.reshape(values, [-1, width])));
    },
    writeRows: update,
    writeElements: (target, indices, value) => {
      if (indices.length === 0) return;
      tf.tidy(() => update(tf.reshape(target, [-1, 1]), indices, tf.fill([indices.length, 1], value)));
    },
  };
}

/** The largest number that divides both; of 0 and b it is b. */
export const commonDivisor = (a: number, b: number): number => (b === 0 ? a : commonDivisor(b, a % b));
