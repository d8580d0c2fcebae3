/** A run on the tensors of the backend that is set. The model answers on the host. */
import * as tf from '@tensorflow/tfjs-core';
import { type ArrayModel, injectedNoise, type Plan } from '../../src';
import { iterateTensors } from '../../src/tfjs';
import type { Json } from './models';

export async function runTensors(plan: Plan, model: ArrayModel, document: Json, init: Float64Array) {
  const previews: ArrayLike<number>[] = [];
  let final: ArrayLike<number> = init;
  const { shape } = document;
  const start = tf.tensor(Float32Array.from(init), shape);
  const onHost = async (x: tf.Tensor, call: Parameters<ArrayModel>[1]) =>
    tf.tensor(Float32Array.from(await model((await x.data()) as Float32Array, call)), shape);
  for await (const step of iterateTensors(plan, onHost, { x: start, noise: injectedNoise(document.noise) })) {
    const preview = step.x0();
    previews.push(await preview.data());
    preview.dispose();
    final = await step.x.data();
  }
  start.dispose();
  return Object.assign(previews, { final });
}
