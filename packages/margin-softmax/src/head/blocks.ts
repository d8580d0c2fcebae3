/** Class centres kept as blocks of rows, so that a step can replace them one block at a time. */
import * as tf from '@tensorflow/tfjs-core';
import type { ClassRows } from '../engine/classRows';
import { inPlace } from '../engine/inPlace';

export class Blocks implements ClassRows {
  readonly #blocks: tf.Tensor2D[] = [];

  /** @param blockRows rows of every block but the last. */
  constructor(
    readonly numRows: number,
    readonly features: number,
    readonly blockRows: number,
  ) {}

  /** The blocks' first rows and lengths. */
  *ranges(): Generator<{ readonly start: number; readonly count: number; readonly index: number }> {
    for (let start = 0, index = 0; start < this.numRows; start += this.blockRows, index++) {
      yield { start, count: Math.min(this.blockRows, this.numRows - start), index };
    }
  }

  /** Takes `rows` over as the block that starts at `start`. */
  replace(start: number, rows: tf.Tensor2D): void {
    const index = start / this.blockRows;
    this.#blocks[index]?.dispose();
    this.#blocks[index] = tf.keep(rows);
  }

  slice(start: number): tf.Tensor2D {
    return this.#blocks[start / this.blockRows]!;
  }

  gather(ids: tf.Tensor1D): tf.Tensor2D {
    return inPlace() ? this.#gatherOnHost(ids) : this.#gatherMasked(ids);
  }

  /**
   * Where the ids lie in host memory only the blocks that hold them are touched. TensorFlow's slice of rows shares the
   * block's memory, so a slice that lived on would keep the whole block after its replacement: what is returned is a copy.
   */
  #gatherOnHost(ids: tf.Tensor1D): tf.Tensor2D {
    return tf.tidy(() => {
      const rows = Array.from(ids.dataSync(), (id) => {
        const row = id % this.blockRows;
        return tf.slice(this.slice(id - row), [row, 0], [1, this.features]);
      });
      return rows.length === 1 ? tf.mul(rows[0]!, 1) : tf.concat2d(rows, 0);
    });
  }

  #gatherMasked(ids: tf.Tensor1D): tf.Tensor2D {
    return tf.tidy(() => {
      let sum: tf.Tensor = tf.zeros([ids.shape[0], this.features]);
      for (const { start, count } of this.ranges()) {
        sum = tf.tidy(() => {
          const local = tf.sub(ids, tf.scalar(start, 'int32'));
          const inside = tf.logicalAnd(tf.greaterEqual(local, 0), tf.less(local, count));
          const rows = tf.gather(
            this.slice(start),
            tf.where(inside, local, tf.zerosLike(local)) as tf.Tensor1D,
          );
          return tf.add(sum, tf.mul(rows, tf.reshape(tf.cast(inside, 'float32'), [-1, 1])));
        });
      }
      return sum as tf.Tensor2D;
    });
  }

  dispose(): void {
    tf.dispose(this.#blocks.splice(0));
  }
}
