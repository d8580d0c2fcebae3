/**
 * The contract of a method. A margin is data: what becomes of the cosine of the true class and of the others, with the
 * slopes of both, and how embeddings and class centres enter. One engine (`../engine`) runs them all.
 */
import type * as tf from '@tensorflow/tfjs-core';
import type { Key } from '@tfkit/core';

/**
 * How the margin enters the gradient: as the derivative of the loss ('exact'), or not at all ('straight-through', as
 * in insightface's PyTorch code; 'detached', the same by design, as in OpenSphere): then only the value has the margin,
 * and d(adjusted cosine)/d(cosine) is taken for 1.
 */
export type GradientRule = 'exact' | 'straight-through' | 'detached';

/** The angle between each sample and its class centre, through both its cosine and sine, exact near 0 and pi. */
export interface Angle {
  readonly cos: tf.Tensor1D;
  readonly sin: tf.Tensor1D;
  /** The angle itself, in radians. Computed when asked for: few methods need it. */
  theta(): tf.Tensor1D;
}

/** The adjusted cosine of the true class. All slopes are finite for every angle, being taken by the angle. */
export interface TargetValue {
  readonly value: tf.Tensor1D;
  /** d value / d theta. */
  readonly slope: tf.Tensor1D;
  /** d value / d margin, for methods whose margin depends on the embedding. */
  readonly marginSlope?: tf.Tensor1D;
}

/** What becomes of the cosines of the other classes. Absent: they stay. */
export interface OthersTransform {
  /** The largest magnitude of a value, so that the engine knows when exp(scale * value) cannot overflow. */
  readonly bound: number;
  /**
   * @param cos [batch, classes of the chunk].
   * @param parameters [2, batch, 1]: what `prepare` computed, if the method has it.
   */
  value(cos: tf.Tensor2D, parameters?: RowParameters): tf.Tensor2D;
  /** d value / d cos as the method defines it; undefined stands for 1. */
  slope(cos: tf.Tensor2D, parameters?: RowParameters): tf.Tensor2D | undefined;
}

/** Two numbers a sample, each [batch, 1]. */
export type RowParameters = readonly [tf.Tensor2D, tf.Tensor2D];

/** Running numbers of a method (CurricularFace's t, AdaFace's mean and deviation, AdaCos' scale): scalar variables. */
export type MarginState = Readonly<Record<string, tf.Variable>>;

/** What a method may look at before the loss is computed. Nothing of it is differentiated. */
export interface Batch {
  readonly angle: Angle;
  /** |x_i|. */
  readonly norms: tf.Tensor1D;
  /** 1 for samples that count, 0 for those with the ignored label. */
  readonly valid: tf.Tensor1D;
  /** Updated by `prepare`. */
  readonly state: MarginState;
  /** log of the sum over the other classes of exp(scale * cos). */
  logSumExpOfOthers(scale: tf.Tensor): tf.Tensor1D;
}

/** A step before the loss: updates the state, and gives one input of the loss, a constant to the gradient. */
export interface Preparation {
  /** 'scale': a scalar. 'margins': [batch]. 'parameters': [2, batch], for `OthersTransform`. */
  readonly gives: 'scale' | 'margins' | 'parameters';
  compute(batch: Batch, margins: tf.Tensor1D | undefined): tf.Tensor;
}

/** Margins and a penalty that depend on the norms of the embeddings (MagFace), differentiated. */
export interface NormRule {
  margins(norms: tf.Tensor1D): tf.Tensor1D;
  /** d margins / d norms. */
  marginsSlope(norms: tf.Tensor1D): tf.Tensor1D;
  /** Added to each sample's loss. */
  penalty(norms: tf.Tensor1D): tf.Tensor1D;
  /** d penalty / d norms. */
  penaltySlope(norms: tf.Tensor1D): tf.Tensor1D;
}

/** A margin method as data: how logits of the true class and of the others come from their cosines. */
export interface Margin {
  /** The name of the function that made it. */
  readonly name: string;
  /** What is divided by its length before the product: 'both' gives cosines, 'weights' |x| cos, 'none' plain products. */
  readonly normalize: 'both' | 'weights' | 'none';
  /** s: what the (adjusted) cosines are multiplied by. */
  readonly scale: number;
  readonly gradient: GradientRule;
  /** 'softmax': cross-entropy. 'binary': one logistic loss a class (SphereFace2), weighted by `balance`. */
  readonly loss: 'softmax' | 'binary';
  /** lambda of 'binary': the weight of the true class against all others. */
  readonly balance?: number;
  /** Rows of `weights` a class; the closest one counts. 1 but for `subCenter`. */
  readonly subCenters: number;
  /** The adjusted cosine of the true class. Absent: the logit stays as it is. */
  target?(angle: Angle, margins: tf.Tensor1D | undefined): TargetValue;
  readonly others?: OthersTransform;
  readonly prepare?: Preparation;
  readonly fromNorms?: NormRule;
  /** Whether each sample may have its own margin (`options.margins`). */
  readonly perSampleMargins?: boolean;
  /** Draws the margins of a batch (ElasticFace), on the host. */
  drawMargins?(key: Key, batch: number): Float32Array;
  /** The state at the start of training; absent: the method has none. */
  readonly initialState?: Readonly<Record<string, number>>;
}

/** What most methods share. */
export const common = {
  normalize: 'both',
  gradient: 'exact',
  loss: 'softmax',
  subCenters: 1,
} as const satisfies Partial<Margin>;
