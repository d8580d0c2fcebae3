/** The contract of base distributions: the density of z, and samples of it. */
import type * as tf from '@tensorflow/tfjs-core';
import type { Key } from '@tfkit/core';
import type { EventSpec, InitialValues, Scope } from '../bijector';

/** A base distribution of events [batch, ...shape]: log-densities in nats, and samples from keys. */
export interface Distribution {
  readonly name: string;
  /** The parameters' first values. Default: none. */
  init?(key: Key, event: EventSpec): InitialValues;
  /** log p(z) in nats, summed over an example: float32 [batch] of z [batch, ...event]. The caller disposes it. */
  logProb(z: tf.Tensor, scope: Scope): tf.Tensor;
  /**
   * float32 of this shape [count, ...event]. The caller disposes it.
   *
   * @param temperature the spread relative to the distribution's own; 1 is the distribution itself.
   */
  sample(key: Key, shape: readonly number[], scope: Scope, temperature: number): tf.Tensor;
}
