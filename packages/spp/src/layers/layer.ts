/** What the layers share: a function of a tensor (or two), the options that describe it, and the shape of its result. */
import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';

export type Shape = (number | null)[];

/** The arguments of every tf.layers layer: name, inputShape, batchInputShape, ... */
export type LayerArgs = NonNullable<ConstructorParameters<typeof tfl.layers.Layer>[0]>;

/** A layer whose options are plain data, kept in its config, so that it is saved and loaded. */
export abstract class OptionsLayer<O extends object> extends tfl.layers.Layer {
  readonly options: O;

  /** `names` are the options among the arguments; the rest is tf.layers' own. */
  constructor(args: O & LayerArgs, names: readonly (keyof O & string)[]) {
    super(args);
    const given = names.filter((name) => args[name] !== undefined).map((name) => [name, args[name]]);
    this.options = Object.fromEntries(given) as O;
  }

  abstract pool(inputs: tf.Tensor[]): tf.Tensor;

  override call(inputs: tf.Tensor | tf.Tensor[]): tf.Tensor {
    return tf.tidy(() => this.pool(Array.isArray(inputs) ? inputs : [inputs]));
  }

  override getConfig(): tf.serialization.ConfigDict {
    return { ...super.getConfig(), ...this.options } as tf.serialization.ConfigDict;
  }
}

export function register(layer: { className: string }): void {
  tf.serialization.registerClass(
    layer as unknown as tf.serialization.SerializableConstructor<tf.serialization.Serializable>,
  );
}
