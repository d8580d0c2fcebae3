/** Matrix products on the cpu backend. */
import { broadcast_util, type TensorInfo } from '@tensorflow/tfjs-core';
import { clampOf, type FastKernel, sizeOf } from '../fast';
import { addProduct, pack } from './block';
import { addBias } from './conv2d';
import { type CpuBackend, floatsOf } from './data';

export const batchMatMul: FastKernel = ({ a, b }, attributes, backend: CpuBackend) => {
  const product = multiply(a, b, attributes, backend);
  return product && backend.makeTensorInfo(product.shape, 'float32', product.values);
};

export const fusedMatMul: FastKernel = ({ a, b, bias }, attributes, backend: CpuBackend) => {
  const clamp = clampOf(attributes.activation);
  const biasValues = bias ? floatsOf(backend, bias) : undefined;
  if (!clamp || (bias && (!biasValues || bias.shape.length !== 1))) return undefined;
  const product = multiply(a, b, attributes, backend);
  if (!product || (bias && bias.shape[0] !== product.shape[product.shape.length - 1])) return undefined;
  addBias(product.values, biasValues, clamp);
  return backend.makeTensorInfo(product.shape, 'float32', product.values);
};

function multiply(
  aInfo: TensorInfo,
  bInfo: TensorInfo,
  { transposeA = false, transposeB = false }: { transposeA?: boolean; transposeB?: boolean },
  backend: CpuBackend,
): { shape: number[]; values: Float32Array } | undefined {
  const [a, b] = [floatsOf(backend, aInfo), floatsOf(backend, bInfo)];
  if (!a || !b) return undefined;
  const [aRows, aColumns] = aInfo.shape.slice(-2) as [number, number];
  const [bRows, bColumns] = bInfo.shape.slice(-2) as [number, number];
  const [rows, depth] = transposeA ? [aColumns, aRows] : [aRows, aColumns];
  const [inner, columns] = transposeB ? [bColumns, bRows] : [bRows, bColumns];
  const [batchA, batchB] = [aInfo.shape.slice(0, -2), bInfo.shape.slice(0, -2)];
  const batch = broadcast_util.assertAndGetBroadcastShape(batchA, batchB);
  const [countA, countB, count] = [batchA, batchB, batch].map(sizeOf) as [number, number, number];
  // Only whole batches, or one matrix for all, are walked here.
  if (inner !== depth || ![1, count].includes(countA) || ![1, count].includes(countB)) return undefined;
  const shape = [...batch, rows, columns];
  const values = new Float32Array(sizeOf(shape));
  const from = Int32Array.from({ length: rows }, (_, row) => row * depth);
  const to = new Int32Array(rows);
  let left: Float32Array = a;
  let packed: Float32Array = new Float32Array(0);
  for (let i = 0; i < count; i++) {
    if (i === 0 || countA > 1) {
      const start = i * rows * depth;
      if (transposeA) left = transposed(a, start, depth, rows);
      else left = a.subarray(start, start + rows * depth);
    }
    if (i === 0 || countB > 1) {
      const [depthStride, columnStride] = transposeB ? [1, depth] : [columns, 1];
      packed = pack(b, 1, depth, columns, 0, depthStride, columnStride, i * depth * columns);
    }
    for (let row = 0; row < rows; row++) to[row] = (i * rows + row) * columns;
    addProduct(left, from, rows, depth, packed, 0, depth * 4, values, to, columns);
  }
  return { shape, values };
}

/** [rows, columns] at `start` to [columns, rows]. */
function transposed(a: Float32Array, start: number, rows: number, columns: number): Float32Array {
  const result = new Float32Array(rows * columns);
  for (let row = 0; row < rows; row++) {
    const source = start + row * columns;
    for (let column = 0; column < columns; column++) result[column * rows + row] = a[source + column]!;
  }
  return result;
}
