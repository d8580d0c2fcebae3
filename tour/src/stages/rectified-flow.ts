/** How likely digits are under the denoiser of the stage before; and a flow in the plane that reflow makes straight. */
import { dot, lineY } from '@observablehq/plot';
import * as tf from '@tensorflow/tfjs-core';
import { key } from '@tfkit/core';
import { adam } from '@tfkit/core/tfjs';
import { type ArrayModel, createPlan, euler, flow, flowGrid, heun, iterate } from '@tfkit/diffusion-samplers';
import { bitsPerDim, flowSde, logLikelihood } from '@tfkit/diffusion-samplers/sde';
import { tensors } from '@tfkit/diffusion-samplers/tfjs';
import {
  levelsAt,
  noiseLevels,
  reflowPairs,
  straightness,
  trainingExample,
} from '@tfkit/diffusion-samplers/training';
import { type DenoiserWeights, denoise, pixels } from '../models/denoiser';
import { createPlaneFlow, type PlaneFlow, planeVelocity } from '../models/planeFlow';
import { createRandom } from '../random';
import { type Block, plots, scores, seriesColors, table, text } from '../report/blocks';
import type { Stage, StageContext } from '../stage';

const full = { steps: 500, pairs: 2048, digits: 16 };
const quick = { steps: 30, pairs: 256, digits: 4 };

export const stage: Stage = {
  name: 'rectified-flow',
  title: 'How likely is a digit, and how straight is a flow',
  method:
    'Followed without noise, the path from data to noise is an ordinary differential equation: it gives every picture an exact probability, and trained again on its own ends it becomes nearly straight, so that one step draws.',
  paper: {
    citation:
      'Liu, Gong and Liu: Flow Straight and Fast: Learning to Generate and Transfer Data with Rectified Flow, 2022',
    url: 'https://arxiv.org/abs/2209.03003',
  },
  package: '@tfkit/diffusion-samplers',
  budget: 20,
  needs: ['diffusion-samplers'],
  run,
};

async function run(context: StageContext): Promise<readonly Block[]> {
  const plan = context.quick ? quick : full;
  const likelihoods = await compareLikelihoods(plan.digits, context);
  await context.progress(0.3, 'a flow in the plane');
  const data = ring(plan.pairs, context.seed);
  const noise = Float64Array.from(gaussians(2 * plan.pairs, context.seed, 3));
  const first = createPlaneFlow(context.seed);
  const second = createPlaneFlow(context.seed + 1);
  try {
    await train(first, data, undefined, plan.steps, context, 0.3);
    const accurate = createPlan({ ...choices, solver: heun({ path: 'flow' }), steps: 20 });
    const pairs = await reflowPairs(accurate, modelOf(first), { shape: [plan.pairs, 2], seed: context.seed });
    await context.progress(0.65, 'reflow');
    await train(second, pairs.data, pairs.noise, plan.steps, context, 0.65);
    const even = createPlan({ ...choices, solver: euler(), steps: 25 });
    const measured: Measured[] = [];
    for (const net of [first, second]) {
      measured.push({
        straightness: await straightness(even, modelOf(net), { shape: [128, 2], seed: context.seed }),
        oneStep: await oneStepError(net, noise),
        paths: await pathsOf(net, noise.slice(0, 60)),
      });
    }
    return report(likelihoods, measured as [Measured, Measured]);
  } finally {
    tf.dispose([first, second]);
  }
}

/** The noise that is on the pictures: with less of it, what a network this small gets wrong outweighs the noise. */
const level = 0.25;

interface Likelihoods {
  readonly name: string;
  readonly bits: Float64Array;
}

/** Bits a pixel of digits that the network has not seen, of the same pixels shuffled, and of noise. */
async function compareLikelihoods(count: number, context: StageContext): Promise<Likelihoods[]> {
  const stored = await context.load<Record<string, { shape: number[]; values: Float32Array }>>(
    'diffusion-samplers',
    'denoiser',
  );
  const digits = await context.load<Float32Array>('diffusion-samplers', 'unseen digits');
  const weights: DenoiserWeights = Object.fromEntries(
    Object.entries(stored).map(([name, { shape, values }]) => [name, tf.tensor(values, shape)]),
  );
  const random = createRandom(context.seed, 41);
  const used = digits.slice(0, count * pixels);
  const order = Array.from({ length: pixels }, (_, i) => i).sort(
    (a, b) => ((a * 7919) % pixels) - ((b * 7919) % pixels),
  );
  const shuffled = used.map((_, i) => used[i - (i % pixels) + order[i % pixels]!]!);
  const kinds = {
    'digits not seen in training': used,
    'their pixels in another order': shuffled,
    'uniform noise': used.map(() => 2 * random.uniform() - 1),
  };
  const results: Likelihoods[] = [];
  try {
    for (const [name, values] of Object.entries(kinds)) {
      const x = Float32Array.from(values, (value) => (1 - level) * value + level * random.normal());
      const { logProb, latent } = await logLikelihood<tf.Tensor>(
        (state, { timestep }) => denoise(weights, state, timestep),
        x,
        {
          ...{
            sde: flowSde({ timeMin: level, timeMax: 0.98 }),
            prediction: 'sample',
            shape: [count, pixels],
            on: tensors,
          },
          ...{ rtol: 1e-3, atol: 1e-3, seed: context.seed, signal: context.signal, control: 'batch' },
        },
      );
      latent.dispose();
      results.push({ name, bits: bitsPerDim(logProb, pixels) });
      await context.progress(0.1 * results.length, `likelihood of ${name}`);
    }
  } finally {
    tf.dispose(weights);
  }
  return results;
}

const choices = {
  schedule: flow({ trainSteps: 1 }),
  grid: flowGrid({ to: 1e-3 }),
  prediction: 'flow',
} as const;

/** Points on two arcs. */
function ring(count: number, seed: number): Float32Array {
  const random = createRandom(seed, 43);
  return Float32Array.from({ length: 2 * count }, (_, i) => {
    const point = i >> 1;
    const angle = (Math.PI * ((point * 0.618034) % 1) + (point % 2 ? Math.PI : 0)) as number;
    const [x, y] = [Math.cos(angle) + (point % 2 ? 0.5 : -0.5), Math.sin(angle) + (point % 2 ? 0.3 : -0.3)];
    return (i % 2 ? y : x) * 1.5 + 0.08 * random.normal();
  });
}

function gaussians(count: number, seed: number, stream: number): number[] {
  const random = createRandom(seed, stream);
  return Array.from({ length: count }, () => random.normal());
}

const modelOf =
  (net: PlaneFlow): ArrayModel =>
  (x, { timestep }) =>
    tf.tidy(() => {
      const points = tf.tensor2d(Float32Array.from(x), [x.length / 2, 2]);
      return planeVelocity(net, points, tf.fill([x.length / 2], timestep)).dataSync() as Float32Array;
    });

/** With `noise` the pairs are those, else each point has new noise every time. */
async function train(
  net: PlaneFlow,
  data: Float32Array,
  noise: Float32Array | undefined,
  steps: number,
  context: StageContext,
  from: number,
): Promise<void> {
  const random = createRandom(context.seed, noise ? 51 : 53);
  const optimizer = adam();
  const batch = 256;
  try {
    for (let step = 0; step < steps; step++) {
      (optimizer as unknown as { learningRate: number }).learningRate =
        0.004 * Math.min(1, (2 * (steps - step)) / steps);
      const picks = Array.from(
        { length: batch },
        () => Math.floor(random.uniform() * (data.length / 2)) % (data.length / 2),
      );
      const x0 = Float64Array.from({ length: 2 * batch }, (_, i) => data[2 * picks[i >> 1]! + (i & 1)]!);
      const epsilon = Float64Array.from({ length: 2 * batch }, (_, i) =>
        noise ? noise[2 * picks[i >> 1]! + (i & 1)]! : random.normal(),
      );
      const levels = levelsAt(choices.schedule, noiseLevels(key(step), batch, 'uniform'));
      const { input, target } = trainingExample(x0, epsilon, levels, 'flow');
      tf.tidy(() => {
        const [points, wanted] = [
          tf.tensor2d(Float32Array.from(input), [batch, 2]),
          tf.tensor2d(Float32Array.from(target), [batch, 2]),
        ];
        const times = tf.tensor1d(Float32Array.from(levels.timestep));
        optimizer.minimize(
          () => tf.mean(tf.square(tf.sub(planeVelocity(net, points, times), wanted))) as tf.Scalar,
        );
      });
      if (step % 10 === 9)
        await context.progress(from + 0.3 * (step / steps), 'training a flow in the plane');
    }
  } finally {
    optimizer.dispose();
  }
}

/** RMS distance between one Euler step and the flow's own end. */
async function oneStepError(net: PlaneFlow, noise: Float64Array): Promise<number> {
  const ends = [];
  for (const steps of [1, 50]) {
    const plan = createPlan({ ...choices, grid: flowGrid({ to: 1 / steps }), solver: euler(), steps });
    let last: ArrayLike<number> = noise;
    for await (const { x } of iterate(plan, modelOf(net), { shape: [noise.length / 2, 2], x: noise }))
      last = x.slice();
    ends.push(last);
  }
  const [one, many] = ends as [ArrayLike<number>, ArrayLike<number>];
  return Math.sqrt(noise.reduce((sum, _, i) => sum + (one[i]! - many[i]!) ** 2, 0) / noise.length);
}

interface PathPoint {
  readonly x: number;
  readonly y: number;
  readonly path: number;
}

/** The flow's paths from some points of noise. */
async function pathsOf(net: PlaneFlow, noise: Float64Array): Promise<PathPoint[]> {
  const plan = createPlan({ ...choices, solver: heun({ path: 'flow' }), steps: 25 });
  const points: PathPoint[] = [];
  const note = (x: ArrayLike<number>) => {
    for (let path = 0; path < noise.length / 2; path++)
      points.push({ x: x[2 * path]!, y: x[2 * path + 1]!, path });
  };
  note(noise);
  for await (const { x } of iterate(plan, modelOf(net), { shape: [noise.length / 2, 2], x: noise })) note(x);
  return points;
}

interface Measured {
  readonly straightness: number;
  readonly oneStep: number;
  readonly paths: readonly PathPoint[];
}

function report(
  likelihoods: readonly Likelihoods[],
  [before, after]: readonly [Measured, Measured],
): Block[] {
  const mean = (values: Float64Array) => values.reduce((a, b) => a + b, 0) / values.length;
  const paths = (title: string, { paths: points }: Measured, color: string) => ({
    title,
    options: {
      aspectRatio: 1,
      x: { domain: [-3, 3], label: null },
      y: { domain: [-3, 3], label: null },
      marks: [
        lineY(points as PathPoint[], { x: 'x', y: 'y', z: 'path', stroke: color, strokeOpacity: 0.7 }),
        dot(points.slice(-30) as PathPoint[], { x: 'x', y: 'y', r: 2.5, fill: color }),
      ],
    },
  });
  return [
    text(
      'The denoiser of the stage before, read as the velocity of an equation, gives each picture a probability: adaptive steps (Dormand-Prince 5(4)) carry it to noise, and the divergence along the way, estimated from random signs by gradients, says how much volume changed. All pictures have noise of level 0.25 on them; fewer bits a pixel are likelier.',
    ),
    table({
      columns: ['picture', { label: 'bits a pixel', digits: 2 }],
      rows: likelihoods.map(({ name, bits }) => [name, mean(bits)]),
    }),
    scores(
      { label: 'curvature before reflow', value: before.straightness.toFixed(3), note: '0 is straight' },
      { label: 'after reflow', value: after.straightness.toFixed(3) },
      {
        label: 'error of one Euler step',
        value: after.oneStep.toFixed(2),
        note: `before reflow ${before.oneStep.toFixed(2)}`,
      },
    ),
    plots(
      paths('Paths of the first flow', before, seriesColors[0]!),
      paths('The same starts after reflow', after, seriesColors[1]!),
    ),
  ];
}
