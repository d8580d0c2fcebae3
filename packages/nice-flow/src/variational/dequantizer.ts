/** The contract of learnt noise. */
import type * as tf from '@tensorflow/tfjs-core';
import type { Key } from '@tfkit/core';
import type { EventShape, InitialValues, Scope } from '../bijector';
import type { Quantization } from '../quantization';

/** The noise that a flow adds to integers, with parameters of its own ('dequantizer.*' of the flow). */
export interface Dequantizer {
  init(key: Key, event: { readonly shape: EventShape; readonly quantization: Quantization }): InitialValues;
  /**
   * @param values float32 [batch, ...shape], integers in [0, levels).
   * @param noise float32 [batch, entries], standard normal.
   * @returns `x` on the declared interval, and the log-density [batch] of its noise in a cell of width 1, which is subtracted from that of x.
   */
  apply(
    values: tf.Tensor,
    noise: tf.Tensor,
    quantization: Quantization,
    scope: Scope,
  ): { x: tf.Tensor; logDensity: tf.Tensor };
}
