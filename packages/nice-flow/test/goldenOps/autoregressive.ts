/** MAF and IAF. */
import * as tf from '@tensorflow/tfjs-core';
import type { mafLayer } from '../../src/autoregressive/index';
import { bases, bijectorCase, type Computed, type Config, download, type Inputs, renamed } from './case';

/** MAF has t = -mu and s = -alpha, IAF t = mu and s = alpha. The masks are those the layer makes. */
export async function maskedCase(
  config: Config,
  inputs: Inputs,
  expected: Inputs,
  layer: typeof mafLayer,
  sign: number,
): Promise<Record<string, Computed>> {
  const { hidden, activation } = config;
  const bijector = layer({ hidden, activation, scaleMap: 'exp' });
  const values = bijector.init([0, 1], { shape: [inputs.x!.shape[1]!], contextSize: 0 });
  const masks = Object.fromEntries(
    [0, 1, 2].map((i) => {
      const { shape, data } = values[`net.${i}.mask`]!;
      return [`net.${i}.mask`, tf.tensor(data, [...shape])];
    }),
  );
  const computed = await bijectorCase(inputs, expected, {
    ...{ bijector, base: bases[config.prior]!() },
    parameters: (given) => ({
      ...renamed(given, 'made', 'net'),
      ...masks,
      'net.2.kernel': tf.mul(tf.concat([given['made.mu.kernel']!, given['made.alpha.kernel']!], 1), sign),
      'net.2.bias': tf.mul(tf.concat([given['made.mu.bias']!, given['made.alpha.bias']!], 0), sign),
    }),
  });
  const [first, second, last] = [0, 1, 2].map((i) => masks[`net.${i}.mask`]!) as [
    tf.Tensor,
    tf.Tensor,
    tf.Tensor,
  ];
  const mask = await download({
    ...{ 'mask.0': first, 'mask.1': second },
    'mask.2': tf.slice(last, [0, 0], [last.shape[0]!, last.shape[1]! / 2]),
  });
  return { ...computed, ...mask };
}
