import * as tf from '@tensorflow/tfjs-core';
import { initializers, layers, type Shape } from '@tensorflow/tfjs-layers';
import { checkDType, checkInteger, checkOneOf, OptionError } from '@tfkit/core';
import { marginLoss } from '../engine/marginLoss';
import { createState } from '../engine/prepare';
import { adaCos } from '../margins/adaCos';
import { adaFace } from '../margins/adaFace';
import { arcFace } from '../margins/arcFace';
import { circle } from '../margins/circle';
import { combined } from '../margins/combined';
import { amSoftmax, cosFace } from '../margins/cosFace';
import { curricularFace } from '../margins/curricularFace';
import { magFace } from '../margins/magFace';
import type { Margin, MarginState } from '../margins/margin';
import { aSoftmax, lSoftmax } from '../margins/multipleAngle';
import { coco, normFace, softmax } from '../margins/softmax';
import { sphereFace2 } from '../margins/sphereFace2';
import { sphereFaceR } from '../margins/sphereFaceR';

/** The methods that a layer can name, so that its configuration is plain JSON. */
const methods = {
  adaCos,
  adaFace,
  amSoftmax,
  arcFace,
  aSoftmax,
  circle,
  coco,
  combined,
  cosFace,
  curricularFace,
  lSoftmax,
  magFace,
  normFace,
  softmax,
  sphereFace2,
  sphereFaceR,
} as const;

export type MarginName = keyof typeof methods;

/** The classes and the method of a head for tf.layers. */
export interface MarginLossLayerArgs {
  readonly numClasses: number;
  /** The method by name. Default 'arcFace'. */
  readonly margin?: MarginName;
  /** Its options: `{ margin: 0.5, scale: 64 }`. */
  readonly marginOptions?: Readonly<Record<string, unknown>>;
  readonly name?: string;
}

/**
 * A head for tf.layers models: takes [embeddings [batch, features], labels [batch, 1] or [batch]] and gives each sample's
 * loss, [batch, 1]. Its weight `weight` is [numClasses, features], the class centres. Labels enter as a second input of
 * the model; compile with `meanOfOutput`, which averages what the head gives.
 *
 * @example
 * const head = marginLossLayer({ numClasses: 10, margin: 'cosFace', marginOptions: { scale: 16 } });
 * const y = tf.input({ shape: [1] });
 * const model = tf.model({ inputs: [x, y], outputs: head.apply([embeddings, y]) });
 * model.compile({ optimizer: 'adam', loss: meanOfOutput });
 * await model.fit([images, labels], tf.zeros([count, 1]), { epochs: 5 });
 */
export class MarginLossLayer extends layers.Layer {
  static readonly className = 'MarginSoftmaxMarginLoss';
  readonly numClasses: number;
  readonly marginName: MarginName;
  readonly marginOptions: Readonly<Record<string, unknown>>;
  /** The method. May be replaced between epochs, for an annealed lambda. */
  margin: Margin;
  readonly #state: MarginState;

  constructor(args: MarginLossLayerArgs) {
    super(args as { name?: string });
    const name = 'MarginLossLayer';
    const { numClasses, margin = 'arcFace', marginOptions = {} } = args;
    checkInteger([name, 'numClasses'], numClasses, { min: 2 });
    checkOneOf([name, 'margin'], margin, Object.keys(methods) as MarginName[]);
    this.numClasses = numClasses;
    this.marginName = margin;
    this.marginOptions = marginOptions;
    const given = margin === 'adaCos' ? { numClasses, ...marginOptions } : marginOptions;
    this.margin = (methods[margin] as (options: object) => Margin)(given);
    this.#state = createState(this.margin);
  }

  override build(inputShape: Shape | Shape[]): void {
    const features = Array.isArray(inputShape[0]) ? inputShape[0].at(-1) : undefined;
    if (typeof features !== 'number') {
      throw new OptionError(
        `MarginLossLayer: inputs must be [embeddings, labels] with a known number of features, got ${JSON.stringify(inputShape)}.`,
      );
    }
    const initializer = initializers.randomNormal({ mean: 0, stddev: 0.01 });
    this.addWeight('weight', [this.numClasses, features], 'float32', initializer);
    this.built = true;
  }

  override computeOutputShape(inputShape: Shape | Shape[]): Shape {
    return [(inputShape as Shape[])[0]![0]!, 1];
  }

  override call(inputs: tf.Tensor | tf.Tensor[]): tf.Tensor {
    return tf.tidy(() => {
      const [embeddings, labels] = inputs as [tf.Tensor2D, tf.Tensor];
      const ids = tf.cast(tf.reshape(labels, [-1]), 'int32') as tf.Tensor1D;
      const weights = this.weights[0]!.read() as tf.Tensor2D;
      const options = { reduction: 'none', state: this.#state } as const;
      return tf.reshape(marginLoss(embeddings, weights, ids, this.margin, options), [-1, 1]);
    });
  }

  override getConfig(): tf.serialization.ConfigDict {
    const { numClasses, marginName, marginOptions } = this;
    return {
      ...super.getConfig(),
      numClasses,
      margin: marginName,
      marginOptions,
    } as tf.serialization.ConfigDict;
  }
}

/** A `MarginLossLayer`. */
export function marginLossLayer(args: MarginLossLayerArgs): MarginLossLayer {
  return new MarginLossLayer(args);
}

/**
 * The mean of a model's output, as a loss for `model.compile`: the head has computed the losses already.
 *
 * @param _targets of any shape; not used.
 * @param losses float32 of any shape.
 * @returns a scalar.
 * @throws DTypeError if the losses are no numbers.
 */
export function meanOfOutput(_targets: tf.Tensor, losses: tf.Tensor): tf.Tensor {
  checkDType(['meanOfOutput', 'losses'], losses, ['float32', 'int32', 'bool']);
  return tf.mean(losses);
}
