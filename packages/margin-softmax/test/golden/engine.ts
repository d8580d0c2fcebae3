/** The classification groups of the reference cases. */
import * as tf from '@tensorflow/tfjs-core';
import {
  adaCos,
  adaFace,
  annealedLambda,
  arcFace,
  aSoftmax,
  circle,
  coco,
  combined,
  cosFace,
  createState,
  curricularFace,
  elasticFace,
  interClassFilter,
  lSoftmax,
  type Margin,
  type MarginLossOptions,
  type MarginState,
  magFace,
  marginLogits,
  marginLoss,
  normFace,
  softmax,
  sphereFace2,
  sphereFace2Bias,
  sphereFaceR,
  subCenter,
  subCenterOutliers,
} from '../../src';
import { rowsOfTensor } from '../../src/engine/classRows';
import { angleTo, lengthsOf } from '../../src/engine/prepare';
import { orderStatistics } from '../../src/margins/order';
import { partialFc } from './class-parallel';
import { flat, type GoldenArray, type GoldenCaseDocument, type GoldenOp, type GoldenValue } from './format';

// biome-ignore lint/suspicious/noExplicitAny: the format's values are of any kind
type Config = any;

const radians = (config: Config): number =>
  config.units === 'degrees' ? (config.margin * Math.PI) / 180 : config.margin;
const arc = (config: Config) =>
  arcFace({
    margin: radians(config),
    scale: config.scale,
    pastPi: config.past_pi,
    gradient: config.gradient,
  });
const multiple = ({ margin, lambda, scale }: Config) => ({ margin, lambda, scale });
const combination = ({ m1, m2, m3, scale, gradient }: Config) => combined({ m1, m2, m3, scale, gradient });
const sphere2 = (form: 'C' | 'A' | 'M') => (config: Config) =>
  sphereFace2({
    form,
    margin: config.margin,
    scale: config.r,
    t: config.t,
    balance: config.lambda,
    gradient: config.gradient,
  });

/** Each op as the margin that it names; `shape` is that of the weights. */
const margins: Record<string, (config: Config, numClasses: number) => Margin> = {
  softmax: () => softmax(),
  normface: ({ scale }) => normFace(scale === null ? {} : { scale }),
  coco: ({ scale }) => coco({ scale }),
  lsoftmax: (config) => lSoftmax(multiple(config)),
  asoftmax: (config) => aSoftmax(multiple(config)),
  cosface: ({ margin, scale }) => cosFace({ margin, scale }),
  arcface: arc,
  combined: combination,
  inter_class_filter: (config) => interClassFilter(combination(config), config.filter_threshold),
  subcenter_arcface: (config) => subCenter(arc(config), config.sub_centers),
  adacos_fixed: (_, numClasses) => adaCos({ numClasses, form: 'fixed' }),
  adacos_dynamic: ({ median }, numClasses) => adaCos({ numClasses, median }),
  curricularface: ({ margin, scale, momentum, past_pi: pastPi, gradient }) =>
    curricularFace({ margin, scale, momentum, pastPi, gradient }),
  magface: (config) =>
    magFace({
      norms: [config.l_a, config.u_a],
      margins: [config.l_m, config.u_m],
      penalty: config.lambda_g,
      scale: config.scale,
      pastPi: config.past_pi,
      gradient: config.gradient,
    }),
  adaface: ({ margin, h, scale, eps, t_alpha: momentum, norm_min: low, norm_max: high }) =>
    adaFace({ margin, h, scale, eps, momentum, norms: [low, high] }),
  elasticface: ({ form, plus, scale, past_pi: pastPi, gradient }) =>
    elasticFace({ form, plus, scale, pastPi, gradient }),
  circle_cls: ({ margin, gamma }) => circle({ margin, scale: gamma }),
  sphereface2_c: sphere2('C'),
  sphereface2_a: sphere2('A'),
  sphereface2_m: sphere2('M'),
  sphereface_r: ({ form, margin, scale, gradient }) => sphereFaceR({ form, margin, scale, gradient }),
};

/** The names of the state's numbers in the cases. */
const stateNames: Record<string, string> = { batch_mean: 'batchMean', batch_std: 'batchStd' };

export const tensorOf = (entry: GoldenArray | number): tf.Tensor =>
  typeof entry === 'number'
    ? tf.scalar(entry)
    : tf.tensor(Float32Array.from(flat(entry)), entry.shape, entry.dtype === 'int32' ? 'int32' : 'float32');

/** Losses, logits, gradients and state of one batch. */
async function classification({ config, inputs, expected }: GoldenCaseDocument) {
  const tensors = Object.fromEntries(Object.entries(inputs).map(([name, entry]) => [name, tensorOf(entry)]));
  const { weights, labels } = tensors as Record<string, tf.Tensor2D>;
  const margin = margins[config.op]!(config, weights!.shape[0] / (config.sub_centers ?? 1));
  const trained = ['embeddings', 'weights', 'bias', 'scale'].filter((name) => tensors[name]);
  const results: Record<string, tf.Tensor> = {};
  const states: MarginState[] = [];
  const run = (loss: typeof marginLoss, changes: MarginLossOptions, given: Record<string, tf.Tensor>) => {
    const state = initialState(margin, config.state);
    states.push(state);
    const { bias, scale } = given;
    const options = { bias, scale, margins: tensors.margins as tf.Tensor1D | undefined, state, ...changes };
    const ids = labels as unknown as tf.Tensor1D;
    return loss(given.embeddings as tf.Tensor2D, given.weights as tf.Tensor2D, ids, margin, options);
  };
  for (const reduction of ['none', 'mean', 'sum'] as const) {
    results[`loss_${reduction}`] = run(marginLoss, { reduction }, tensors);
  }
  results.loss = run(marginLoss, {}, tensors);
  results.logits = run(marginLogits, {}, tensors);
  const gradients = tf.grads((...xs) =>
    run(marginLoss, {}, { ...tensors, ...Object.fromEntries(trained.map((name, i) => [name, xs[i]!])) }),
  )(trained.map((name) => tensors[name]!));
  for (const [i, name] of trained.entries()) results[`grad_${name}`] = gradients[i]!;
  Object.assign(results, facts(margin, config, tensors, expected));
  const values: Record<string, GoldenValue> = {};
  for (const [name, tensor] of Object.entries(results)) values[name] = await tensor.data();
  if (expected.state) values.state = await stateValues(states[0]!, expected.state);
  tf.dispose([tensors, results, ...states]);
  if (expected.bias_init !== undefined) {
    const { r: scale, t, lambda: balance, margin: size, op } = config;
    const form = op.slice(-1).toUpperCase();
    values.bias_init = sphereFace2Bias({
      form,
      margin: size,
      scale,
      t,
      balance,
      numClasses: inputs.weights.shape[0],
    });
  }
  if (config.op === 'adacos_fixed') values.scale = margin.scale;
  return values;
}

function initialState(margin: Margin, values: Record<string, number> | undefined): MarginState {
  const state = createState(margin);
  for (const [name, value] of Object.entries(values ?? {})) {
    tf.tidy(() => state[stateNames[name] ?? name]?.assign(tf.scalar(value)));
  }
  return state;
}

async function stateValues(state: MarginState, names: object): Promise<GoldenValue> {
  const entries = Object.keys(names).map(
    async (name) => [name, (await state[stateNames[name] ?? name]!.data())[0]!] as const,
  );
  return Object.fromEntries(await Promise.all(entries)) as GoldenValue;
}

/** The intermediate numbers that some methods' cases list. */
function facts(
  margin: Margin,
  config: Config,
  tensors: Record<string, tf.Tensor>,
  expected: GoldenCaseDocument['expected'],
): Record<string, tf.Tensor> {
  const { embeddings, weights, labels } = tensors as Record<string, tf.Tensor2D>;
  return tf.tidy(() => {
    const { unit, norms } = lengthsOf(embeddings!);
    const count = norms.shape[0];
    const angle = angleTo(unit, rowsOfTensor(weights!), labels as unknown as tf.Tensor1D);
    const made: Record<string, tf.Tensor> = {};
    if (expected.target_theta) made.target_theta = angle.theta();
    if (margin.fromNorms) {
      made.margins = margin.fromNorms.margins(norms);
      made.regularizer = tf.div(margin.fromNorms.penalty(norms), config.lambda_g);
    }
    const valid = tf.ones([count]) as tf.Tensor1D;
    const state = initialState(margin, config.state);
    const given = tensors.margins as tf.Tensor1D | undefined;
    if (expected.used_margins && given) {
      const batch = { angle, norms, valid, state, logSumExpOfOthers: () => norms };
      made.used_margins = margin.prepare ? margin.prepare.compute(batch, given) : tf.clone(given);
    }
    if (config.op === 'adaface') {
      const batch = { angle, norms, valid, state, logSumExpOfOthers: () => norms };
      made.margin_scaler = margin.prepare!.compute(batch, undefined);
    }
    if (config.op === 'adacos_dynamic') {
      const logits = marginLogits(
        embeddings!,
        weights!,
        labels as unknown as tf.Tensor1D,
        normFace({ scale: config.state.scale }),
      );
      const isOwn = tf.oneHot(labels as unknown as tf.Tensor1D, weights!.shape[0]);
      made.b_avg = tf.div(tf.sum(tf.mul(tf.exp(logits), tf.sub(1, isOwn))), count);
      const lower = Math.floor((count - 1) / 2);
      const upper = config.median === 'mean' ? Math.floor(count / 2) : lower;
      const middle = orderStatistics(angle.theta(), valid, [tf.scalar(lower), tf.scalar(upper)]);
      made.theta_med = tf.div(tf.addN(middle), 2);
    }
    tf.dispose(state);
    return made;
  });
}

async function outliers({ config, inputs }: GoldenCaseDocument) {
  const [embeddings, weights] = [tensorOf(inputs.embeddings), tensorOf(inputs.weights)] as tf.Tensor2D[];
  const found = await subCenterOutliers(embeddings!, weights!, Array.from(flat(inputs.labels)), {
    count: config.sub_centers,
    threshold: (config.threshold * Math.PI) / 180,
  });
  const rows = tf.gather(weights!, Array.from(found.dominantRows));
  const values = {
    outliers: found.outliers,
    classes_present: found.classes,
    dominant_centers_of_present: await rows.data(),
  };
  tf.dispose([embeddings!, weights!, rows]);
  return values as Record<string, GoldenValue>;
}

async function annealing({ config, inputs }: GoldenCaseDocument) {
  const { base, gamma, power, lambda_min: min } = config;
  const lambda = Array.from(flat(inputs.iteration), (it) => annealedLambda(it, { base, gamma, power, min }));
  return { lambda } as Record<string, GoldenValue>;
}

export const engineOps: Readonly<Record<string, GoldenOp>> = {
  ...Object.fromEntries(Object.keys(margins).map((op) => [op, classification])),
  lambda_annealing: annealing,
  subcenter_outliers: outliers,
  partial_fc: (goldenCase) =>
    partialFc(
      goldenCase,
      margins[goldenCase.config.base]!(goldenCase.config, goldenCase.inputs.weights.shape[0]),
    ),
};
