/**
 * Where a forward pass leaves its products for the backward one: in the memory of the class centres' gradient to come. The
 * rows of a chunk hold its products, which are batch numbers a row, until their gradient replaces them; so a batch of no
 * more samples than features saves one matrix product of four and takes no memory for it.
 */
import * as tf from '@tensorflow/tfjs-core';
import type { ChunkRange } from './chunk';
import { commonDivisor, inPlace } from './inPlace';

/** Blocks are copied as rows of a length that divides all sizes; with shorter ones a copy takes longer than a product. */
const leastRow = 32;

export class ProductStore {
  /** @param matrix [numRows, features]: memory that nobody else reads. */
  constructor(readonly matrix: tf.Tensor2D) {}

  /** Takes a copy of a chunk's products, [batch, rows of the chunk]. */
  keep(range: ChunkRange, products: tf.Tensor2D): void {
    const [batch] = products.shape;
    if (this.#holds(range, batch)) inPlace()!.writeBlock(this.matrix, this.#start(range), products);
  }

  /** The products of a chunk whose rows have not been written since. They may share memory with the matrix. */
  recall(range: ChunkRange, batch: number): tf.Tensor2D | undefined {
    if (!this.#holds(range, batch)) return undefined;
    const { matrix } = this;
    const flat = tf.slice1d(tf.reshape(matrix, [matrix.size]), this.#start(range), batch * range.rows);
    return tf.reshape(flat, [batch, range.rows]);
  }

  #start(range: ChunkRange): number {
    return range.row * this.matrix.shape[1];
  }

  #holds(range: ChunkRange, batch: number): boolean {
    const size = batch * range.rows;
    const row = commonDivisor(commonDivisor(this.matrix.size, this.#start(range)), size);
    return row >= Math.min(leastRow, size);
  }
}

/** A store for the products of `batch` samples with centres of that shape, if it fits and the backend writes in place. */
export function productStore(batch: number, shape: [number, number]): ProductStore | undefined {
  const writer = inPlace();
  return writer && batch <= shape[1] ? new ProductStore(writer.allocate(shape)) : undefined;
}
