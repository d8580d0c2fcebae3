import * as tf from '@tensorflow/tfjs-core';
import {
  checkInteger,
  checkKnownOptions,
  checkNumber,
  checkRank,
  checkShape,
  foldIn,
  type Key,
  key as keyOf,
  normal,
  ShapeError,
} from '@tfkit/core';
import { assemble } from '../engine/assemble';
import { addRows, chooseChunk } from '../engine/classRows';
import { othersInputs, targetInputs } from '../engine/fused';
import { type Labels, labelTensor } from '../engine/labels';
import { backwardOthers, forwardOthers } from '../engine/others';
import { embeddingsGradient, partGradients } from '../engine/parts';
import { createState } from '../engine/prepare';
import { backwardTarget, forwardTarget } from '../engine/target';
import { checkMargin } from '../margins/checks';
import type { Margin, MarginState } from '../margins/margin';
import { Blocks } from './blocks';

/** The classes, features and method of a head, and how its centres learn. */
export interface MarginHeadOptions {
  readonly numClasses: number;
  readonly features: number;
  /** `arcFace()`, `cosFace()`, ... It may be replaced between steps (`head.margin = ...`), for an annealed lambda. */
  readonly margin: Margin;
  /** SGD step size of the class centres, > 0. Default 0.1. */
  readonly learningRate?: number;
  /** In [0, 1). With 0 no second matrix is kept. Default 0.9. */
  readonly momentum?: number;
  /** Added to the gradient times the weight, at least 0. Default 0.0005. */
  readonly weightDecay?: number;
  /** Samples with this label count nothing. Default: none. */
  readonly ignoreLabel?: number;
  /** In [0, 1). Default 0. */
  readonly labelSmoothing?: number;
  /** The centres start as normal numbers of standard deviation 0.01 drawn from it. Default `key(0)`. */
  readonly key?: Key;
  /** The most samples a step will have: it sets, with the features, how many classes a block holds. Default 64. */
  readonly batch?: number;
}

export interface HeadStep {
  /** The mean loss of the batch, before the step. */
  readonly loss: tf.Scalar;
  /** float32 [batch, features]: its gradient by the embeddings. */
  readonly embeddings: tf.Tensor2D;
}

const knownOptions = [
  'numClasses',
  'features',
  'margin',
  'learningRate',
  'momentum',
  'weightDecay',
  'ignoreLabel',
  'labelSmoothing',
  'key',
  'batch',
] as const satisfies readonly (keyof MarginHeadOptions)[];

/**
 * Class centres that train themselves. A step computes the loss, its gradient by the embeddings, and the SGD update of the
 * centres (v = momentum v + gradient + decay w, w -= rate v), block by block: the gradient of all centres is never held,
 * so a million classes cost little more than their weights.
 *
 * @example
 * const head = new MarginHead({ numClasses: 1_000_000, features: 128, margin: cosFace({ margin: 0.4 }) });
 * // The backbone by any optimizer, the centres by their own step, in one pass:
 * optimizer.minimize(() => head.loss(backbone.apply(images), labels));
 */
export class MarginHead {
  margin: Margin;
  learningRate: number;
  readonly numClasses: number;
  readonly features: number;
  /** The running numbers of the method, if it has some. */
  readonly state: MarginState;
  readonly #centres: Blocks;
  readonly #velocity: Blocks | undefined;
  readonly #options: MarginHeadOptions;
  #steps = 0;

  /** @throws OptionError if an option is missing or out of range. */
  constructor(options: MarginHeadOptions) {
    checkHead(options);
    const { numClasses, features, margin, learningRate = 0.1, momentum = 0.9, batch = 64 } = options;
    this.#options = options;
    this.margin = margin;
    this.learningRate = learningRate;
    this.numClasses = numClasses;
    this.features = features;
    this.state = createState(margin);
    const { subCenters } = margin;
    const blockRows = chooseChunk(numClasses, subCenters, batch, features) * subCenters;
    const numRows = numClasses * subCenters;
    this.#centres = new Blocks(numRows, features, blockRows);
    this.#velocity = momentum > 0 ? new Blocks(numRows, features, blockRows) : undefined;
    const { key = keyOf(0) } = options;
    for (const { start, count, index } of this.#centres.ranges()) {
      const values = normal(foldIn(key, index), count * features);
      // Scaled by the backend: what comes from a typed array may stay in JavaScript's memory until it is used.
      const rows = tf.tidy(() => tf.mul(tf.tensor2d(values, [count, features]), 0.01) as tf.Tensor2D);
      this.#centres.replace(start, rows);
      this.#velocity?.replace(start, tf.fill([count, features], 0) as tf.Tensor2D);
    }
  }

  /**
   * Loss and gradient by the embeddings, and one step of the centres. The caller disposes what is returned.
   *
   * @param embeddings float32 [batch, features].
   * @param labels class ids in [0, numClasses): int32 tensor [batch], or numbers (which are checked).
   * @throws ShapeError for wrong ranks, sizes or an empty batch; ValueError for a label out of range.
   */
  step(embeddings: tf.Tensor2D, labels: Labels): HeadStep {
    const name = 'MarginHead.step';
    checkRank([name, 'embeddings'], embeddings, 2, '[batch, features]');
    checkShape([name, 'embeddings'], embeddings, [null, this.features]);
    if (embeddings.shape[0] === 0) {
      throw new ShapeError(`${name}: embeddings must hold at least one sample, got [0, ${this.features}].`);
    }
    return tf.tidy(
      () => this.#step(name, embeddings, labels) as unknown as tf.TensorContainer,
    ) as unknown as HeadStep;
  }

  #step(name: string, embeddings: tf.Tensor2D, labels: Labels): HeadStep {
    const { margin, numClasses } = this;
    const { ignoreLabel, labelSmoothing = 0, key = keyOf(0) } = this.#options;
    const centres = this.#centres;
    const ids = labelTensor(name, labels, embeddings.shape[0], numClasses, ignoreLabel);
    const { inputs, plan, norms, inside } = assemble(name, embeddings, centres, ids, margin, {
      ignoreLabel,
      labelSmoothing,
      state: this.state,
      key: foldIn(key, 2 ** 31 + this.#steps++),
      chunk: centres.blockRows / margin.subCenters,
    });
    const { scale, targetRows } = inputs;
    const counted = ignoreLabel === undefined ? inside : tf.logicalAnd(inside, tf.notEqual(ids, ignoreLabel));
    const forward = forwardOthers(othersInputs(inputs, centres), plan);
    const own = targetInputs(inputs, centres);
    const parts = partGradients(
      {
        others: forward.value,
        sum: forward.sum ?? tf.zerosLike(norms),
        target: forwardTarget(own, margin),
        norms,
      },
      {
        margin,
        scale,
        bias: undefined,
        targetRows,
        numClasses,
        labelSmoothing,
        weights: tf.cast(counted, 'float32') as tf.Tensor1D,
      },
    );
    const target = backwardTarget(own, margin, parts.target);
    const upstream = { value: parts.others, sum: plan.withSum ? parts.sum : undefined };
    const others = backwardOthers(othersInputs(inputs, centres), plan, forward, upstream, (start, gradient) =>
      this.#update(start, addRows(gradient, targetRows, target.rows, start)),
    );
    return {
      loss: parts.loss as tf.Scalar,
      embeddings: embeddingsGradient({ unit: inputs.unit, norms }, margin, {
        x: tf.add(others.x, target.x),
        unit: target.unit,
        norms: parts.norms,
        margins: target.margins,
      }),
    };
  }

  /** One SGD step of the block that starts at row `start`. */
  #update(start: number, gradient: tf.Tensor2D): void {
    const { momentum = 0.9, weightDecay = 5e-4 } = this.#options;
    const weights = this.#centres.slice(start);
    const decayed = weightDecay > 0 ? tf.add(gradient, tf.mul(weights, weightDecay)) : gradient;
    const velocity = this.#velocity
      ? tf.add(tf.mul(this.#velocity.slice(start), momentum), decayed)
      : decayed;
    this.#velocity?.replace(start, velocity as tf.Tensor2D);
    this.#centres.replace(start, tf.sub(weights, tf.mul(velocity, this.learningRate)) as tf.Tensor2D);
  }

  /**
   * The mean loss as a scalar that can be differentiated by the embeddings: one step, as `step`, made by the call itself.
   * For `optimizer.minimize` of a backbone. Differentiate it once, with the loss itself as the end.
   */
  loss(embeddings: tf.Tensor2D, labels: Labels): tf.Scalar {
    const op = tf.customGrad((x, save) => {
      const made = this.step(x as tf.Tensor2D, labels);
      (save as tf.GradSaveFunc)([made.embeddings]);
      return {
        value: made.loss,
        gradFunc: (dy: tf.Tensor, saved: tf.Tensor[]) => tf.mul(dy, saved[0]!),
      };
    });
    return op(embeddings) as tf.Scalar;
  }

  /** The class centres, float32 [numClasses, features] ([numClasses * count, features] with sub-centers). A copy. */
  toTensor(): tf.Tensor2D {
    return tf.tidy(() => {
      const blocks = Array.from(this.#centres.ranges(), ({ start }) => this.#centres.slice(start));
      return blocks.length === 1 ? tf.clone(blocks[0]!) : tf.concat2d(blocks, 0);
    });
  }

  /** Takes over the values of `weights`, of the shape of `toTensor()`; momentum starts anew. */
  assign(weights: tf.Tensor2D): void {
    checkShape(['MarginHead.assign', 'weights'], weights, [this.#centres.numRows, this.features]);
    for (const { start, count } of this.#centres.ranges()) {
      this.#centres.replace(start, tf.slice(weights, [start, 0], [count, this.features]));
      this.#velocity?.replace(start, tf.fill([count, this.features], 0) as tf.Tensor2D);
    }
  }

  dispose(): void {
    this.#centres.dispose();
    this.#velocity?.dispose();
    tf.dispose(this.state);
  }
}

function checkHead(options: MarginHeadOptions): void {
  const name = 'MarginHead';
  checkKnownOptions(name, options, knownOptions);
  const {
    numClasses,
    features,
    margin,
    learningRate = 0.1,
    momentum = 0.9,
    weightDecay = 5e-4,
    labelSmoothing = 0,
    ignoreLabel,
    batch,
  } = options;
  checkInteger([name, 'numClasses'], numClasses, { min: 1 });
  checkInteger([name, 'features'], features, { min: 1 });
  checkNumber([name, 'learningRate'], learningRate, { min: 0, open: 'min' });
  checkNumber([name, 'momentum'], momentum, { min: 0, max: 1, open: 'max' });
  checkNumber([name, 'weightDecay'], weightDecay, { min: 0 });
  checkNumber([name, 'labelSmoothing'], labelSmoothing, { min: 0, max: 1, open: 'max' });
  checkMargin(name, margin);
  if (ignoreLabel !== undefined) checkInteger([name, 'ignoreLabel'], ignoreLabel);
  if (batch !== undefined) checkInteger([name, 'batch'], batch, { min: 1 });
}
