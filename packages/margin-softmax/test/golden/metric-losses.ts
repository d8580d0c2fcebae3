/** The pair, centre and norm groups of the reference cases. */
import * as tf from '@tensorflow/tfjs-core';
import {
  batchContrastiveLoss,
  batchTripletLoss,
  centerLoss,
  circlePairLoss,
  contrastiveLoss,
  correctlyClassified,
  featureIncayLoss,
  marginalLoss,
  mineTriplets,
  type Reduction,
  rangeLoss,
  rangeLossParts,
  ringLoss,
  tripletLoss,
  uniformLoss,
  updateCenters,
} from '../../src/metric-losses';
import { flat, type GoldenArray, type GoldenCaseDocument, type GoldenOp, type GoldenValue } from './format';

type Variables = Record<string, tf.Tensor>;
type Computed = Record<string, GoldenValue>;

const float32 = (entry: GoldenArray | number): tf.Tensor =>
  typeof entry === 'number'
    ? tf.scalar(entry)
    : tf.tensor(Float32Array.from(flat(entry)), entry.shape, 'float32');
const ints = (entry: GoldenArray): Int32Array => Int32Array.from(flat(entry));

/** The loss under every reduction of `expected`, and the gradient of the one that `loss` is, by the named inputs. */
async function run(
  { inputs, expected, config }: GoldenCaseDocument,
  names: readonly string[],
  loss: (variables: Variables, reduction: string) => tf.Tensor,
  parts: (variables: Variables) => Record<string, tf.Tensor> = () => ({}),
): Promise<Computed> {
  const variables = Object.fromEntries(names.map((name) => [name, float32(inputs[name])]));
  const tensors: Record<string, tf.Tensor> = tf.tidy(() => {
    const result: Record<string, tf.Tensor> = {
      loss: loss(variables, config.reduction),
      ...parts(variables),
    };
    for (const reduction of ['none', 'mean', 'sum', 'avg_nonzero']) {
      if (expected[`loss_${reduction}`]) result[`loss_${reduction}`] = loss(variables, reduction);
    }
    const gradients = tf.grads((...xs) =>
      loss(Object.fromEntries(names.map((name, i) => [name, xs[i]!])), config.reduction),
    )(names.map((name) => variables[name]!));
    names.forEach((name, i) => {
      result[`grad_${name}`] = gradients[i]!;
    });
    return result;
  });
  const read = async ([name, tensor]: [string, tf.Tensor]) => [name, await tensor.data()] as const;
  const values = Object.fromEntries(await Promise.all(Object.entries(tensors).map(read)));
  tf.dispose([variables, tensors]);
  return values;
}

const words: Record<string, string> = {
  avg_nonzero: 'mean-nonzero',
  mean_per_part: 'mean-per-part',
  avg_nonzero_per_part: 'mean-nonzero-per-part',
  squared_hinge: 'squared-hinge',
  linear_hinge: 'linear-hinge',
  batch_hard: 'hard',
  semihard: 'semi-hard',
  one_plus_count: 'one-plus-count',
};
// biome-ignore lint/suspicious/noExplicitAny: the options' types are closed lists of words
const word = (name: string): any => words[name] ?? name;

const matrix = (variables: Variables, name = 'embeddings') => variables[name] as tf.Tensor2D;

function refuse(config: GoldenCaseDocument['config'], key: string, allowed: readonly unknown[]): void {
  if (!allowed.includes(config[key])) throw new Error(`unknown ${key} '${config[key]}'`);
}

export const metricLossOps: Readonly<Record<string, GoldenOp>> = {
  contrastive: async (goldenCase) => {
    const { config, inputs } = goldenCase;
    const form = {
      form: word(config.form),
      positiveMargin: config.pos_margin,
      negativeMargin: config.neg_margin,
      normalize: config.normalize,
    };
    refuse(config, 'pairs', ['given', 'all_ordered']);
    if (config.pairs === 'all_ordered') {
      return run(goldenCase, ['embeddings'], (variables, reduction) =>
        batchContrastiveLoss(matrix(variables), ints(inputs.labels), { ...form, reduction: word(reduction) }),
      );
    }
    const [first, second, same] = columns(inputs.pairs);
    return run(goldenCase, ['embeddings'], (variables, reduction) =>
      contrastiveLoss(rows(variables, first!), rows(variables, second!), same!, {
        ...form,
        reduction: word(reduction) as Reduction,
      }),
    );
  },

  triplet: async (goldenCase) => {
    const { config, inputs } = goldenCase;
    refuse(config, 'triplets', ['given', 'all']);
    refuse(config, 'distance', ['squared_euclidean']);
    const form = { margin: config.margin, normalize: config.normalize };
    const labels = inputs.labels && ints(inputs.labels);
    const batch = (mining: 'all' | 'hard' | 'semi-hard') => (variables: Variables, reduction: string) =>
      batchTripletLoss(matrix(variables), labels, { ...form, mining, reduction: word(reduction) });
    if (config.triplets === 'all') return run(goldenCase, ['embeddings'], batch('all'));
    const [anchors, positives, negatives] = columns(inputs.triplets);
    if (config.miner)
      await checkMiner(goldenCase, [anchors!, positives!, negatives!], batch(word(config.miner)));
    return run(goldenCase, ['embeddings'], (variables, reduction) =>
      tripletLoss(rows(variables, anchors!), rows(variables, positives!), rows(variables, negatives!), {
        ...form,
        reduction: word(reduction),
      }),
    );
  },

  circle_pair: (goldenCase) => {
    const { config, inputs } = goldenCase;
    return run(goldenCase, ['embeddings'], (variables, reduction) =>
      circlePairLoss(matrix(variables), ints(inputs.labels), {
        margin: config.margin,
        gamma: config.gamma,
        reduction: word(reduction),
      }),
    );
  },

  center: (goldenCase) =>
    run(goldenCase, ['embeddings', 'centers'], (variables, reduction) =>
      centerLoss(matrix(variables), matrix(variables, 'centers'), ints(goldenCase.inputs.labels), {
        reduction: word(reduction),
      }),
    ),

  center_update: async ({ config, inputs }) => {
    const updated = tf.tidy(() =>
      updateCenters(
        float32(inputs.embeddings) as tf.Tensor2D,
        float32(inputs.centers) as tf.Tensor2D,
        ints(inputs.labels),
        { alpha: config.alpha, rule: word(config.rule) },
      ),
    );
    const result = { centers_after: await updated.data() };
    updated.dispose();
    return result;
  },

  range: (goldenCase) => {
    const { config, inputs } = goldenCase;
    const { k, margin, alpha, beta } = config;
    return run(
      goldenCase,
      ['embeddings'],
      (variables) => rangeLoss(matrix(variables), ints(inputs.labels), { k, margin, alpha, beta }),
      (variables) => {
        const parts = rangeLossParts(matrix(variables), ints(inputs.labels), { k, margin });
        return { intra: parts.intra, inter: parts.inter, min_center_distance2: parts.minCenterDistance };
      },
    );
  },

  marginal: (goldenCase) => {
    const { theta, xi } = goldenCase.config;
    return run(goldenCase, ['embeddings'], (variables) =>
      marginalLoss(matrix(variables), ints(goldenCase.inputs.labels), { theta, xi }),
    );
  },

  ring: (goldenCase) =>
    run(goldenCase, ['embeddings', 'R'], (variables, reduction) =>
      ringLoss(matrix(variables), variables.R as tf.Scalar, {
        lambda: goldenCase.config.lambda,
        reduction: word(reduction),
      }),
    ),

  uniform: (goldenCase) =>
    run(goldenCase, ['weights'], (variables) =>
      uniformLoss(matrix(variables, 'weights'), { lambda: goldenCase.config.lambda }),
    ),

  feature_incay: (goldenCase) => {
    const { config, inputs } = goldenCase;
    const labels = ints(inputs.labels);
    const logitsOf = (variables: Variables) =>
      tf.add(
        tf.matMul(matrix(variables), matrix(variables, 'weights'), false, true),
        variables.bias!,
      ) as tf.Tensor2D;
    const incay = (variables: Variables, lambda: number, reduction: string) =>
      featureIncayLoss(matrix(variables), {
        lambda,
        eps: config.eps,
        reduction: word(reduction),
        ...(config.only_correct && { correct: correctlyClassified(logitsOf(variables), labels) }),
      });
    return run(
      goldenCase,
      ['embeddings', 'weights', 'bias'],
      (variables, reduction) => {
        const logs = tf.logSoftmax(logitsOf(variables));
        const entropy = tf.neg(tf.sum(tf.mul(tf.oneHot(labels, logs.shape[1]), logs), 1));
        const loss = tf.add(entropy, incay(variables, config.lambda, 'none'));
        return reduction === 'none' ? loss : reduction === 'sum' ? tf.sum(loss) : tf.mean(loss);
      },
      (variables) => ({ logits: logitsOf(variables), reciprocal_norm_term: incay(variables, 1, 'none') }),
    );
  },
};

/** The columns of an int32 matrix. */
function columns(entry: GoldenArray): Int32Array[] {
  const [count, width] = entry.shape as [number, number];
  const data = flat(entry);
  return Array.from({ length: width }, (_, k) =>
    Int32Array.from({ length: count }, (__, i) => data[i * width + k]!),
  );
}

const rows = (variables: Variables, indices: Int32Array): tf.Tensor2D =>
  tf.gather(matrix(variables), tf.tensor1d(indices, 'int32'));

/** Our miner finds the stored triplets, and the batch loss under that mining is the mean over them. */
async function checkMiner(
  { config, inputs, expected }: GoldenCaseDocument,
  stored: readonly Int32Array[],
  batch: (variables: Variables, reduction: string) => tf.Tensor,
): Promise<void> {
  const embeddings = float32(inputs.embeddings) as tf.Tensor2D;
  const mined = await mineTriplets(embeddings, ints(inputs.labels), {
    margin: config.margin,
    normalize: config.normalize,
    mining: word(config.miner),
  });
  const loss = batch({ embeddings }, 'mean');
  const value = (await loss.data())[0]!;
  tf.dispose([embeddings, loss]);
  const sorted = (triplets: readonly Int32Array[]) =>
    Array.from(triplets[0]!, (_, i) => triplets.map((column) => column[i]).join(' ')).sort();
  const ours = sorted([mined.anchors, mined.positives, mined.negatives]);
  const theirs = sorted(stored);
  if (ours.join() !== theirs.join()) {
    throw new Error(`the ${config.miner} miner finds ${ours.join('; ')}, not ${theirs.join('; ')}`);
  }
  if (Math.abs(value - expected.loss) > 1e-5)
    throw new Error(`the batch loss is ${value}, not ${expected.loss}`);
}
