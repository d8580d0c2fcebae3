/** Matrix products on the wasm backend. */
import { broadcast_util, type TensorInfo } from '@tensorflow/tfjs-core';
import { allFloat32, clampOf, type FastKernel, sizeOf } from '../fast';
import { addBias } from './conv2d';
import {
  forgetPrepared,
  moduleFor,
  packedBytes,
  pointerOf,
  type WasmBackend,
  type WasmModule,
  withScratch,
} from './instance';

export const batchMatMul: FastKernel = ({ a, b }, attributes, backend: WasmBackend) =>
  product(a, b, attributes, backend);

export const fusedMatMul: FastKernel = ({ a, b, bias }, attributes, backend: WasmBackend) => {
  const clamp = clampOf(attributes.activation);
  if (!clamp || !allFloat32(bias) || (bias && bias.shape.length !== 1)) return undefined;
  const out = product(a, b, attributes, backend);
  if (out && (!bias || bias.shape[0] === out.shape[out.shape.length - 1])) {
    addBias(out, bias, clamp, backend);
  }
  return out;
};

interface Transposes {
  readonly transposeA?: boolean;
  readonly transposeB?: boolean;
}

/** The shape in which tfjs has last seen a right operand. */
const shapes = new WeakMap<object, string>();

/**
 * tfjs prepares a product from its right operand once, and takes it again for the same memory in another shape, such as
 * one vector as a row and as a column: wrong results, written beyond their end.
 */
function prepareOnce(b: TensorInfo, backend: WasmBackend): void {
  const shape = b.shape.join();
  const before = shapes.get(b.dataId);
  if (before !== undefined && before !== shape) forgetPrepared(backend, b);
  shapes.set(b.dataId, shape);
}

/** Undefined where no operand is transposed: there XNNPACK is as fast, and runs on all threads. */
function product(
  a: TensorInfo,
  b: TensorInfo,
  { transposeA = false, transposeB = false }: Transposes,
  backend: WasmBackend,
): TensorInfo | undefined {
  if (!transposeA && !transposeB) {
    prepareOnce(b, backend);
    return undefined;
  }
  const module = moduleFor(backend);
  if (!module || !allFloat32(a, b)) return undefined;
  const [aRows, aColumns] = a.shape.slice(-2) as [number, number];
  const [bRows, bColumns] = b.shape.slice(-2) as [number, number];
  const [rows, depth] = transposeA ? [aColumns, aRows] : [aRows, aColumns];
  const [inner, columns] = transposeB ? [bColumns, bRows] : [bRows, bColumns];
  if (inner !== depth) return undefined;
  const batchA = a.shape.slice(0, -2);
  const batchB = b.shape.slice(0, -2);
  const batch = broadcast_util.assertAndGetBroadcastShape(batchA, batchB);
  const [countA, countB, count] = [batchA, batchB, batch].map(sizeOf) as [number, number, number];
  // Only whole batches, or one matrix for all, are walked here.
  if ((countA !== count && countA !== 1) || (countB !== count && countB !== 1)) return undefined;
  const out = backend.makeOutput([...batch, rows, columns], 'float32');
  const matrices = {
    count,
    stepA: countA === 1 ? 0 : rows * depth,
    stepB: countB === 1 ? 0 : depth * columns,
  };
  multiply(module, backend, { a, b, out, rows, depth, columns, transposeA, transposeB, ...matrices });
  return out;
}

interface Product {
  readonly a: TensorInfo;
  readonly b: TensorInfo;
  readonly out: TensorInfo;
  readonly rows: number;
  readonly depth: number;
  readonly columns: number;
  readonly transposeA: boolean;
  readonly transposeB: boolean;
  readonly count: number;
  /** Elements from one matrix of a batch to the next; 0 for one that serves all. */
  readonly stepA: number;
  readonly stepB: number;
}

function multiply({ exports }: WasmModule, backend: WasmBackend, p: Product): void {
  const { rows, depth, columns, count, stepA, stepB } = p;
  const sizes = [packedBytes(depth, columns), exports.gemmScratch(), p.transposeA ? rows * depth * 4 : 0];
  withScratch(backend, sizes, (panels, scratch, flipped) => {
    const [a, b, out] = [p.a, p.b, p.out].map((tensor) => pointerOf(backend, tensor)) as [
      number,
      number,
      number,
    ];
    for (let i = 0; i < count; i++) {
      const left = a + i * stepA * 4;
      if (p.transposeA && (i === 0 || stepA > 0)) {
        exports.transpose(left, rows, flipped!, depth, depth, rows);
      }
      if (i === 0 || stepB > 0) {
        const [depthStride, columnStride] = p.transposeB ? [1, depth] : [columns, 1];
        exports.pack(b + i * stepB * 4, panels!, 1, depth, columns, 0, depthStride, columnStride);
      }
      const result = out + i * rows * columns * 4;
      exports.gemm(p.transposeA ? flipped! : left, panels!, result, rows, depth, columns, scratch!);
    }
  });
}
