/** Class centres as the engine reads them: a few rows at a time. */
import * as tf from '@tensorflow/tfjs-core';
import { inPlace } from './inPlace';

/** Rows of class centres, wherever they are. What it returns belongs to the current tidy. */
export interface ClassRows {
  readonly numRows: number;
  readonly features: number;
  /** Rows start .. start + count - 1; chunks that the engine asks for start at multiples of its chunk. */
  slice(start: number, count: number): tf.Tensor2D;
  /** The rows of the given ids, in [0, numRows). */
  gather(ids: tf.Tensor1D): tf.Tensor2D;
}

export function rowsOfTensor(weights: tf.Tensor2D): ClassRows {
  const [numRows, features] = weights.shape;
  return {
    numRows,
    features,
    slice: (start, count) => (count === numRows ? weights : tf.slice(weights, [start, 0], [count, features])),
    gather: (ids) => tf.gather(weights, ids),
  };
}

/** Elements of the largest temporary: 2 MB in host memory, where chunks should stay in the cache, 16 MB on a GPU. */
const hostElements = 2 ** 19;
const deviceElements = 2 ** 22;

/**
 * How many classes are worked on at a time: as many as keep [batch, classes] and [classes, features] within a size that
 * suits the backend and within its largest texture or buffer; all of them if they fit.
 */
export function chooseChunk(numClasses: number, subCenters: number, batch: number, features: number): number {
  const onHost = ['cpu', 'wasm', 'tensorflow'].includes(tf.getBackend());
  const widest = Math.max(batch, features) * subCenters;
  let chunk = Math.max(16, Math.floor((onHost ? hostElements : deviceElements) / widest));
  if (tf.getBackend() === 'webgl') {
    chunk = Math.min(chunk, Math.floor(tf.env().getNumber('WEBGL_MAX_TEXTURE_SIZE') / subCenters));
  }
  return equalChunk(numClasses, chunk);
}

/**
 * A chunk of which a few more than necessary make up the classes exactly, if there is one: blocks of one length are copied
 * in one piece. Else the largest.
 */
function equalChunk(numClasses: number, largest: number): number {
  const least = Math.ceil(numClasses / largest);
  for (let count = least; count <= least * 1.1; count++) {
    if (numClasses % count === 0) return numClasses / count;
  }
  return largest;
}

/** A matrix that is filled by rows: in place where the backend can, else concatenated in the end. */
export interface RowBuffer {
  /** Rows start ... Calls come in order of `start`, and together cover the matrix. The rows are copied or kept. */
  write(start: number, rows: tf.Tensor2D): void;
  /** The matrix plus `rows` at `ids` (which may repeat). To be called once, at the end. */
  finish(ids: tf.Tensor1D, rows: tf.Tensor2D): tf.Tensor2D;
  /** Frees what is held if `finish` will not be called. */
  dispose(): void;
}

/** @param matrix of that shape, to be filled where the backend writes in place; default: a new one. */
export function rowBuffer(shape: [number, number], matrix?: tf.Tensor2D): RowBuffer {
  return inPlace() ? filledInPlace(matrix ?? tf.keep(inPlace()!.allocate(shape))) : concatenated();
}

function filledInPlace(matrix: tf.Tensor2D): RowBuffer {
  const { writeBlock } = inPlace()!;
  return {
    write: (start, rows) => writeBlock(matrix, start * matrix.shape[1], rows),
    finish(ids, rows) {
      addRows(matrix, ids, rows);
      return handOver(matrix);
    },
    dispose: () => matrix.dispose(),
  };
}

/**
 * `matrix`, whose first row is row `start` of a larger one, plus `rows` at `ids` of the larger one; ids may repeat, those
 * outside count nothing. In place where the backend can: `matrix` must then be the caller's alone.
 */
export function addRows(matrix: tf.Tensor2D, ids: tf.Tensor1D, rows: tf.Tensor2D, start = 0): tf.Tensor2D {
  const count = matrix.shape[0];
  return tf.tidy(() => {
    const writer = inPlace();
    if (!writer) {
      const local = tf.sub(ids, tf.scalar(start, 'int32'));
      const inside = tf.logicalAnd(tf.greaterEqual(local, 0), tf.less(local, count));
      const segments = tf.where(inside, local, tf.fill(local.shape, count, 'int32')) as tf.Tensor1D;
      const sums = tf.slice(tf.unsortedSegmentSum(rows, segments, count + 1), 0, count);
      return tf.add(matrix, sums) as tf.Tensor2D;
    }
    const known = Array.from(ids.dataSync(), (id) => id - start);
    const places = Int32Array.from(known.keys()).filter((i) => known[i]! >= 0 && known[i]! < count);
    if (places.length === 0) return matrix;
    const local = places.map((i) => known[i]!);
    const given =
      places.length === known.length ? rows : (tf.gather(rows, tf.tensor1d(places, 'int32')) as tf.Tensor2D);
    const at = tf.tensor1d(local, 'int32');
    const sums = tf.add(tf.gather(matrix, at), sumOfEqual(at, given)) as tf.Tensor2D;
    writer.writeRows(matrix, local, sums);
    return matrix;
  });
}

/** For each i, the sum of the rows whose id is ids[i]. */
function sumOfEqual(ids: tf.Tensor1D, rows: tf.Tensor2D): tf.Tensor2D {
  const n = ids.shape[0];
  const same = tf.equal(tf.reshape(ids, [n, 1]), tf.reshape(ids, [1, n]));
  return tf.matMul(tf.cast(same, 'float32') as tf.Tensor2D, rows);
}

function concatenated(): RowBuffer {
  const parts: tf.Tensor2D[] = [];
  const dispose = () => tf.dispose(parts);
  return {
    write: (_, rows) => void parts.push(tf.keep(tf.clone(rows))),
    finish(ids, rows) {
      const matrix = tf.tidy(() => {
        const whole = parts.length === 1 ? parts[0]! : tf.concat2d(parts, 0);
        return addRows(whole, ids, rows);
      });
      dispose();
      return matrix;
    },
    dispose,
  };
}

/** A kept tensor as one of the current tidy's. */
function handOver(kept: tf.Tensor2D): tf.Tensor2D {
  const handed = tf.clone(kept);
  kept.dispose();
  return handed;
}
