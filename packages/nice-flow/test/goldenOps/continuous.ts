/** Continuous flows. */
import * as tf from '@tensorflow/tfjs-core';
import { cnf } from '../../src/continuous/index';
import type { Bijector } from '../../src/index';
import type { Config, Inputs } from './case';

export function cnfOf(config: Config, inputs: Inputs): Bijector {
  const hidden = config.field === 'linear' ? [] : inputs.b1!.shape;
  const steps = tf.getBackend() === 'webgpu' ? { steps: 40 } : { rtol: 1e-5, atol: 1e-6 };
  return cnf({ hidden, activation: 'tanh', time: config.t1, ...steps });
}
