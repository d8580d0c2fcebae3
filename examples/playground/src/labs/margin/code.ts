import { backendImports, backendSetup, options } from '../../snippet';
import type { Backend } from '../../worker/protocol';
import { methodOptions, methods } from './methods';

interface Settings {
  readonly method: string;
  readonly margin: number;
  readonly scale: number;
  readonly classes: number;
  readonly steps: number;
}

/** The training loop, on stand-in data so that it runs as it is. */
export function marginCode({ method, margin, scale, classes, steps }: Settings, backend: Backend): string {
  const { name } = methods[method]!;
  const annealed = method === 'aSoftmax';
  const made = annealed
    ? 'aSoftmax({ margin: 4, lambda: annealedLambda(step, { gamma: 1 }) })'
    : `${name}(${options(methodOptions(method, margin, scale))})`;
  return `import * as tf from '@tensorflow/tfjs-core';
${backendImports(backend)}
import { ${annealed ? 'annealedLambda, ' : ''}${name}, marginLoss } from '@tfkit/margin-softmax';
import { predictClasses } from '@tfkit/margin-softmax/metric-losses';

${backendSetup(backend)}

// A small perceptron to the plane, and one centre for each class.
const [pixels, classes, batch] = [196, ${classes}, 64];
const layer = (from, to) => tf.variable(tf.randomNormal([from, to], 0, Math.sqrt(2 / from)));
const weights = [layer(pixels, 64), layer(64, 32), layer(32, 2)];
const centers = tf.variable(tf.randomNormal([classes, 2], 0, 0.1));
const embed = (x) => weights.reduce((y, w, i) => tf.matMul(i ? tf.leakyRelu(y, 0.1) : y, w), x);

// Put your images here: rows of pixels, and class ids.
const prototypes = tf.randomNormal([classes, pixels]);
const labels = Int32Array.from({ length: batch }, (_, i) => i % classes);
const nextBatch = () => tf.tidy(() => tf.add(tf.gather(prototypes, labels), tf.randomNormal([batch, pixels])));

const optimizer = tf.train.adam(0.01);
for (let step = 0; step < ${steps}; step++) {
  const x = nextBatch();
  const margin = ${made};
  const loss = optimizer.minimize(() => marginLoss(embed(x), centers, labels, margin), true);
  if (step % 20 === 0) console.log(step, (await loss.data())[0].toFixed(3));
  tf.dispose([x, loss]);
}
const { classes: predicted } = predictClasses(embed(nextBatch()), centers);
console.log(await predicted.data(), labels);
`;
}
