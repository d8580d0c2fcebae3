/** Trains a perceptron that embeds vectors in the plane, with a chosen margin, and scores what it learnt. */
import * as tf from '@tensorflow/tfjs-core';
import { foldIn, key, normal, randint, split } from '@tfkit/core';
import { adam } from '@tfkit/core/tfjs';
import * as margins from '@tfkit/margin-softmax';
import { predictClasses } from '@tfkit/margin-softmax/metric-losses';
import { cosineSimilarities, retrievalScores } from '@tfkit/margin-softmax/protocols';
import { createPace } from '../../worker/pace';
import type { TaskContext } from '../../worker/protocol';
import { type Dataset, type EmbeddingFile, loadDigits, readEmbeddings } from './data';
import { methodOptions, methods } from './methods';

export interface MarginInput {
  readonly method: string;
  readonly margin: number;
  readonly scale: number;
  readonly classes: number;
  readonly steps: number;
  readonly seed: number;
  /** Instead of the digits. */
  readonly own?: readonly EmbeddingFile[];
}

export interface Fan {
  /** The test rows in the plane, [count, 2], and their classes. */
  readonly points: Float32Array;
  readonly labels: Int32Array;
  /** [classes, 2]. */
  readonly centers: Float32Array;
  readonly classNames: readonly string[];
  /** Of every step so far. */
  readonly losses: readonly number[];
}

export interface MarginResult extends Fan {
  readonly accuracy: number;
  /** Degrees between a test row and its centre, and the smallest between two centres. */
  readonly meanAngle: number;
  readonly centerAngle: number;
  /** Share of test rows whose nearest other row, by the angle, is of their class: in the plane, and of what was embedded. */
  readonly precisionAt1: number;
  readonly rawPrecisionAt1: number;
}

const batchSize = 64;
const hidden = [64, 32];

export async function runMargin(input: MarginInput, { progress }: TaskContext<Fan>): Promise<MarginResult> {
  const data = input.own ? await readEmbeddings(input.own) : await loadDigits(input.classes);
  const variables = createVariables(data, input.seed);
  const optimizer = adam({ learningRate: 0.01 });
  const losses: number[] = [];
  const pace = createPace();
  try {
    for (let step = 0; step < input.steps; step++) {
      (optimizer as unknown as { learningRate: number }).learningRate =
        0.01 * Math.min(1, (2 * (input.steps - step)) / input.steps);
      const loss = trainStep(input, data, variables, optimizer, step);
      losses.push((await loss.data())[0]!);
      loss.dispose();
      const fan = pace.due() ? await pace.spend(() => look(data, variables)) : undefined;
      const text = `step ${step + 1} of ${input.steps}, loss ${losses.at(-1)!.toFixed(3)}`;
      await progress((step + 1) / input.steps, text, fan && { ...fan, losses });
    }
    const fan = { ...(await look(data, variables)), losses };
    return { ...fan, ...(await score(input, data, fan)) };
  } finally {
    tf.dispose(variables);
    optimizer.dispose();
  }
}

type Variables = Record<string, tf.Variable>;

function createVariables({ dimension, classNames }: Dataset, seed: number): Variables {
  const sizes = [dimension, ...hidden, 2];
  const keys = split(key(seed), sizes.length);
  const variable = (shape: [number, number], n: number, deviation: number) =>
    tf.tidy(() =>
      tf.variable(
        tf.tensor(
          normal(keys[n]!, shape).map((value) => deviation * value),
          shape,
        ),
      ),
    );
  const variables: Variables = {
    // Short centres turn faster: their gradient grows as their norm shrinks.
    centers: variable([classNames.length, 2], 0, 0.1),
  };
  for (let layer = 1; layer < sizes.length; layer++) {
    const [from, to] = [sizes[layer - 1]!, sizes[layer]!];
    variables[`weight${layer}`] = variable([from, to], layer, Math.sqrt(2 / from));
    variables[`bias${layer}`] = tf.tidy(() => tf.variable(tf.zeros([to])));
  }
  return variables;
}

/** float32 [batch, dimension] to [batch, 2]; the last layer has no bias, so that rays may begin at the origin. */
function embed(variables: Variables, x: tf.Tensor2D): tf.Tensor2D {
  return tf.tidy(() => {
    const last = hidden.length + 1;
    let y: tf.Tensor = x;
    for (let layer = 1; layer < last; layer++) {
      y = tf.leakyRelu(tf.add(tf.matMul(y, variables[`weight${layer}`]!), variables[`bias${layer}`]!), 0.1);
    }
    return tf.matMul(y, variables[`weight${last}`]!) as tf.Tensor2D;
  });
}

function marginOf({ method, margin, scale }: MarginInput, step: number): margins.Margin {
  if (method === 'aSoftmax')
    return margins.aSoftmax({ margin: 4, lambda: margins.annealedLambda(step, { gamma: 1 }) });
  const make = margins as unknown as Record<string, (options: object) => margins.Margin>;
  return make[methods[method]!.name]!(methodOptions(method, margin, scale));
}

function trainStep(
  input: MarginInput,
  data: Dataset,
  variables: Variables,
  optimizer: tf.Optimizer,
  step: number,
): tf.Scalar {
  const picks = randint(foldIn(key(input.seed), step), [batchSize], 0, data.train.length);
  const rows = Int32Array.from(picks, (pick) => data.train[pick]!);
  const margin = marginOf(input, step);
  const x = rowsOf(data, rows);
  try {
    return optimizer.minimize(
      () => {
        const embeddings = embed(variables, x);
        const centers = variables.centers as unknown as tf.Tensor2D;
        return margins.marginLoss(
          embeddings,
          centers,
          rows.map((row) => data.labels[row]!),
          margin,
        ) as tf.Scalar;
      },
      true,
      Object.values(variables),
    ) as tf.Scalar;
  } finally {
    x.dispose();
  }
}

function rowsOf({ x, dimension }: Dataset, rows: Int32Array): tf.Tensor2D {
  const values = new Float32Array(rows.length * dimension);
  rows.forEach((row, n) => {
    values.set(x.subarray(row * dimension, (row + 1) * dimension), n * dimension);
  });
  return tf.tensor2d(values, [rows.length, dimension]);
}

async function look(data: Dataset, variables: Variables): Promise<Omit<Fan, 'losses'>> {
  const x = rowsOf(data, data.test);
  const embedded = embed(variables, x);
  const points = (await embedded.data()) as Float32Array;
  const centers = (await variables.centers!.data()) as Float32Array;
  tf.dispose([x, embedded]);
  return {
    points: points.slice(),
    labels: data.test.map((row) => data.labels[row]!),
    centers: centers.slice(),
    classNames: data.classNames,
  };
}

const angleOf = (x: ArrayLike<number>, n: number, y: ArrayLike<number>, m: number) => {
  const cross = x[2 * n]! * y[2 * m + 1]! - x[2 * n + 1]! * y[2 * m]!;
  const inner = x[2 * n]! * y[2 * m]! + x[2 * n + 1]! * y[2 * m + 1]!;
  return (Math.abs(Math.atan2(cross, inner)) * 180) / Math.PI;
};

async function score({ method }: MarginInput, data: Dataset, { points, labels, centers, classNames }: Fan) {
  const normalizeWeights = method !== 'softmax';
  const predicted = tf.tidy(() => {
    const [embeddings, weights] = [
      tf.tensor2d(points, [labels.length, 2]),
      tf.tensor2d(centers, [classNames.length, 2]),
    ];
    return predictClasses(embeddings, weights, { normalizeWeights }).classes;
  });
  const classes = await predicted.data();
  predicted.dispose();
  const raw = Float32Array.from(
    Array.from(data.test).flatMap((row) =>
      Array.from(data.x.subarray(row * data.dimension, (row + 1) * data.dimension)),
    ),
  );
  const precision = (x: Float32Array, dimension: number) =>
    retrievalScores(cosineSimilarities(x, x, dimension), labels, labels, { excludeSelf: true }).precisionAt1;
  const pairs = classNames.flatMap((_, a) =>
    classNames.slice(a + 1).map((_, b) => angleOf(centers, a, centers, a + 1 + b)),
  );
  return {
    accuracy: labels.filter((label, n) => label === classes[n]).length / labels.length,
    meanAngle: labels.reduce((sum, label, n) => sum + angleOf(points, n, centers, label), 0) / labels.length,
    centerAngle: Math.min(...pairs),
    precisionAt1: precision(points, 2),
    rawPrecisionAt1: precision(raw, data.dimension),
  };
}
