import * as tf from '@tensorflow/tfjs-core';
import { checkKnownOptions, checkNumber, checkShape } from '@tfkit/core';
import { inPlace } from '../engine/inPlace';
import type { SparseGradient } from './lossAndGradients';

export interface SparseSgdOptions {
  /** > 0. Default 0.1. */
  readonly learningRate?: number;
  /** In [0, 1). With 0 no second matrix is kept. Default 0.9. */
  readonly momentum?: number;
  /** Added to the gradient times the weight, at least 0. Default 0.0005. */
  readonly weightDecay?: number;
}

/**
 * SGD for the class centres of one rank: v = momentum v + gradient + decay w, w -= rate v, for the rows that have a
 * gradient, and for no others: centres that were not sampled neither decay nor drift by old momentum. (insightface moves
 * them on, since its optimizer sees the whole matrix.)
 *
 * Rows are written in place on cpu, wasm and tensorflow: clones taken of `weights` after the first step change with them.
 *
 * @example
 * const sgd = new SparseSgd({ learningRate: 0.1 });
 * const result = await lossAndGradients(embeddings, weights, labels, cosFace(), { sampledClasses });
 * sgd.apply(weights, result.weights);
 */
export class SparseSgd {
  learningRate: number;
  readonly #momentum: number;
  readonly #weightDecay: number;
  readonly #velocities = new Map<tf.Variable, tf.Variable>();

  /** @throws OptionError if an option is out of range. */
  constructor(options: SparseSgdOptions = {}) {
    const name = 'SparseSgd';
    checkKnownOptions(name, options, ['learningRate', 'momentum', 'weightDecay']);
    const { learningRate = 0.1, momentum = 0.9, weightDecay = 5e-4 } = options;
    checkNumber([name, 'learningRate'], learningRate, { min: 0, open: 'min' });
    checkNumber([name, 'momentum'], momentum, { min: 0, max: 1, open: 'max' });
    checkNumber([name, 'weightDecay'], weightDecay, { min: 0 });
    this.learningRate = learningRate;
    this.#momentum = momentum;
    this.#weightDecay = weightDecay;
  }

  /**
   * One step of the rows that `gradient` names.
   *
   * @throws ShapeError if the rows do not have the features of `weights`.
   */
  apply(weights: tf.Variable, { ids, rows }: SparseGradient): void {
    checkShape(['SparseSgd.apply', 'gradient.rows'], rows, [ids.length, weights.shape[1]!]);
    tf.tidy(() => {
      const at = tf.tensor1d(ids, 'int32');
      const current = tf.gather(weights, at);
      const decayed = tf.add(rows, tf.mul(current, this.#weightDecay));
      let velocity: tf.Tensor = decayed;
      if (this.#momentum > 0) {
        const stored = this.#velocityOf(weights);
        velocity = tf.add(tf.mul(tf.gather(stored, at), this.#momentum), decayed);
        scatter(stored, ids, velocity);
      }
      scatter(weights, ids, tf.sub(current, tf.mul(velocity, this.learningRate)));
    });
  }

  #velocityOf(weights: tf.Variable): tf.Variable {
    let velocity = this.#velocities.get(weights);
    if (!velocity) {
      velocity = tf.variable(tf.fill(weights.shape, 0), false);
      this.#velocities.set(weights, velocity);
    }
    return velocity;
  }

  dispose(): void {
    tf.dispose([...this.#velocities.values()]);
    this.#velocities.clear();
  }
}

/** Overwrites rows of a variable: in place where the backend can, for which the variable first gets a copy of its own. */
function scatter(variable: tf.Variable, ids: Int32Array, rows: tf.Tensor): void {
  const writer = inPlace();
  if (!writer) {
    const at = tf.tensor2d(ids, [ids.length, 1], 'int32');
    variable.assign(tf.tensorScatterUpdate(variable, at, rows));
    return;
  }
  if (!owned.has(variable)) {
    variable.assign(tf.add(variable, 0));
    owned.add(variable);
  }
  writer.writeRows(variable as unknown as tf.Tensor2D, ids, rows as tf.Tensor2D);
}

/** Variables whose memory no other tensor shares. */
const owned = new WeakSet<tf.Variable>();
