import { backendImports, backendSetup } from '../../snippet';
import type { Backend } from '../../worker/protocol';
import type { FlowInput } from './task';

export function flowCode(input: Omit<FlowInput, 'points'>, backend: Backend): string {
  const { couplings, width, steps, temperature, seed } = input;
  return `import * as tf from '@tensorflow/tfjs-core';
${backendImports(backend)}
import { key, normal, split } from '@tfkit/core';
import { fit, realNVP } from '@tfkit/nice-flow';

${backendSetup(backend)}

// Your points, [count, 2] row after row; here a ring.
const noise = normal(key(3), [400, 2]);
const points = noise.map((e, i) => 1.9 * (i % 2 ? Math.sin : Math.cos)(Math.floor(i / 2)) + 0.12 * e);

const [modelKey, trainKey, sampleKey] = split(key(${seed}), 3);
const flow = realNVP({ shape: [2], couplings: ${couplings}, hidden: [${width}, ${width}], batchNorm: false, key: modelKey });
await fit(flow, points, {
  key: trainKey,
  steps: ${steps},
  batchSize: 128,
  learningRate: (step) => 5e-3 * Math.min(1, (1.5 * (${steps} - step)) / ${steps}),
  clipNorm: 20,
  onProgress: ({ step, logLikelihood }) => {
    if (step % 20 === 0) console.log(step, logLikelihood.toFixed(3), 'nats');
  },
});

const samples = flow.sample(4, { key: sampleKey, temperature: ${temperature} });
const densities = tf.exp(flow.logProb(samples));
console.log(await samples.array(), await densities.data());
flow.dispose();
`;
}
