/**
 * One small denoiser trained on digits, and four samplers that draw with it; then all solvers on a known problem. One file:
 * each part reads the model or the plans of the one before, as the page shows them.
 */
import { dot, lineY, ruleY } from '@observablehq/plot';
import * as tf from '@tensorflow/tfjs-core';
import { adam } from '@tfkit/core/tfjs';
import {
  createPlan,
  ddim,
  ddpm,
  dpmSolver,
  euler,
  exponential,
  flow,
  flowGrid,
  heun,
  type Plan,
  type Solver,
  sample,
  vp,
} from '@tfkit/diffusion-samplers';
import { deis, dpm2, lms, resMultistep, rk4, uniPc } from '@tfkit/diffusion-samplers/solvers';
import { sampleTensors } from '@tfkit/diffusion-samplers/tfjs';
import { loadMnist } from '../data/mnist';
import { createDenoiser, type DenoiserWeights, denoise, hidden, pixels, side } from '../models/denoiser';
import { createRandom } from '../random';
import { type Block, images, plots, scores, seriesColors, table, text } from '../report/blocks';
import { grayPicture } from '../report/pictures';
import type { Stage, StageContext } from '../stage';

const full = { steps: 800, batch: 64, draws: 16, slow: 100 };
/** Digits at the end that training leaves out. */
const held = 16;
const quick = { steps: 20, batch: 32, draws: 4, slow: 10 };

export const stage: Stage = {
  name: 'diffusion-samplers',
  title: 'Drawing digits out of noise',
  method:
    'A network learns to tell noise from data at every noise level; a sampler follows its answers from pure noise to a digit, and the better its integration rule, the fewer questions it has to ask.',
  paper: {
    citation:
      'Lu et al.: DPM-Solver++: Fast Solver for Guided Sampling of Diffusion Probabilistic Models, 2022',
    url: 'https://arxiv.org/abs/2211.01095',
  },
  package: '@tfkit/diffusion-samplers',
  budget: 20,
  needs: [],
  run,
};

/** Digits at half size, in [-1, 1]. */
async function smallDigits(): Promise<Float32Array[]> {
  const { images: bytes, count } = await loadMnist('train');
  const used = Math.min(count, 20_000);
  return Array.from({ length: used }, (_, n) => {
    const at = (row: number, column: number) => bytes[n * 784 + row * 28 + column]!;
    return Float32Array.from({ length: pixels }, (_, i) => {
      const [row, column] = [2 * Math.floor(i / side), 2 * (i % side)];
      const sum = at(row, column) + at(row + 1, column) + at(row, column + 1) + at(row + 1, column + 1);
      return sum / 510 - 1;
    });
  });
}

async function run(context: StageContext): Promise<readonly Block[]> {
  const plan = context.quick ? quick : full;
  const digits = await smallDigits();
  await context.progress(0.02, 'training a denoiser');
  const variables = createDenoiser(context.seed);
  const average: DenoiserWeights = Object.fromEntries(
    Object.entries(variables).map(([name, v]) => [name, tf.clone(v)]),
  );
  try {
    const losses = await train(variables, average, digits, plan, context);
    await saveNetwork(average, digits, context);
    const drawn = await draw(average, plan, context);
    const curves = await compareSolvers(context);
    return report(plan, losses, drawn, curves);
  } finally {
    tf.dispose([variables, average]);
  }
}

/** On the line from digit to noise: t uniform, the target is the digit, which few units tell better than the noise. Weights are averaged exponentially. */
async function train(
  variables: Record<string, tf.Variable>,
  average: DenoiserWeights,
  digits: readonly Float32Array[],
  { steps, batch }: typeof full,
  context: StageContext,
): Promise<number[]> {
  const random = createRandom(context.seed, 5);
  const seen = digits.slice(0, -held);
  const optimizer = adam();
  const losses: number[] = [];
  try {
    for (let step = 0; step < steps; step++) {
      (optimizer as unknown as { learningRate: number }).learningRate =
        0.0015 * Math.min(1, (steps - step) / (0.5 * steps));
      const x = new Float32Array(batch * pixels);
      const target = new Float32Array(batch * pixels);
      const times = new Float32Array(batch);
      for (let n = 0; n < batch; n++) {
        const t = random.uniform();
        times[n] = t;
        const digit = random.pick(seen);
        for (let i = 0; i < pixels; i++) {
          const epsilon = random.normal();
          x[n * pixels + i] = (1 - t) * digit[i]! + t * epsilon;
          target[n * pixels + i] = digit[i]!;
        }
      }
      const loss = tf.tidy(() => {
        const [inputs, wanted] = [tf.tensor2d(x, [batch, pixels]), tf.tensor2d(target, [batch, pixels])];
        return optimizer.minimize(
          () =>
            tf.mean(tf.square(tf.sub(denoise(variables, inputs, tf.tensor1d(times)), wanted))) as tf.Scalar,
          true,
        )!;
      });
      const decay = Math.min(0.99, (step + 1) / (step + 10));
      for (const [name, variable] of Object.entries(variables)) {
        const next = tf.tidy(() => tf.add(tf.mul(average[name]!, decay), tf.mul(variable, 1 - decay)));
        average[name]!.dispose();
        average[name] = next;
      }
      if (step % 10 === 9 || step === steps - 1) losses.push((await loss.data())[0]!);
      loss.dispose();
      await context.progress(
        0.02 + 0.6 * ((step + 1) / steps),
        `training a denoiser, step ${step + 1} of ${steps}`,
      );
    }
  } finally {
    optimizer.dispose();
  }
  return losses;
}

/** The network, and digits that it was not trained on, for the stage that measures likelihood. */
async function saveNetwork(
  average: DenoiserWeights,
  digits: readonly Float32Array[],
  context: StageContext,
): Promise<void> {
  const stored: Record<string, { shape: number[]; values: Float32Array }> = {};
  for (const [name, tensor] of Object.entries(average)) {
    stored[name] = { shape: tensor.shape, values: Float32Array.from(await tensor.data()) };
  }
  context.save('denoiser', stored);
  context.save('unseen digits', Float32Array.from(digits.slice(-held).flatMap((digit) => Array.from(digit))));
}

interface Drawn {
  readonly name: string;
  readonly modelCalls: number;
  readonly milliseconds: number;
  readonly pictures: Float32Array;
}

/** The same network and the same start for four samplers. */
async function draw(
  weights: DenoiserWeights,
  { draws, slow }: typeof full,
  context: StageContext,
): Promise<Drawn[]> {
  const schedule = flow();
  const choices: [string, Solver, number][] = [
    ['DDPM', ddpm(), slow],
    ['DDIM', ddim(), 50],
    ['DPM++ 2M', dpmSolver(), 15],
    ['rectified flow, Euler', euler(), 8],
  ];
  const drawn: Drawn[] = [];
  for (const [name, solver, steps] of choices) {
    const plan = createPlan({
      schedule,
      grid: flowGrid({ to: 1 / steps }),
      prediction: 'sample',
      solver,
      steps,
    });
    const start = performance.now();
    const { x, modelCalls } = await sampleTensors(
      plan,
      (state, { sigma, alpha }) => denoise(weights, state, tf.fill([draws], sigma / (alpha + sigma))),
      { shape: [draws, pixels], seed: context.seed, signal: context.signal },
    );
    const pictures = Float32Array.from((await x.data()) as Float32Array);
    x.dispose();
    drawn.push({
      name: `${name}, ${steps} steps`,
      modelCalls,
      milliseconds: performance.now() - start,
      pictures,
    });
    await context.progress(0.65 + 0.05 * drawn.length, `sampling: ${name}`);
  }
  return drawn;
}

/** Points in the plane: the noise that a mixture of three Gaussians implies, exactly. */
function mixtureNoise(x: ArrayLike<number>, alpha: number, sigma: number): Float64Array {
  const parts = [
    { weight: 0.5, mean: [1, 0.5], sd: 0.25 },
    { weight: 0.3, mean: [-0.8, -1], sd: 0.35 },
    { weight: 0.2, mean: [0.2, -0.6], sd: 0.2 },
  ];
  const out = new Float64Array(x.length);
  for (let p = 0; p < x.length; p += 2) {
    const scored = parts.map(({ weight, mean, sd }) => {
      const variance = (alpha * sd) ** 2 + sigma ** 2;
      const d = [x[p]! - alpha * mean[0]!, x[p + 1]! - alpha * mean[1]!];
      return { log: Math.log(weight / variance) - (d[0]! ** 2 + d[1]! ** 2) / (2 * variance), d, variance };
    });
    const top = Math.max(...scored.map(({ log }) => log));
    const total = scored.reduce((sum, { log }) => sum + Math.exp(log - top), 0);
    for (const { log, d, variance } of scored) {
      const share = Math.exp(log - top) / total;
      out[p]! += (share * sigma * d[0]!) / variance;
      out[p + 1]! += (share * sigma * d[1]!) / variance;
    }
  }
  return out;
}

interface Point {
  readonly solver: string;
  readonly calls: number;
  readonly error: number;
}

/** Error against model calls for deterministic solvers, from sigma 20 to 0.05, where the answer is known. */
async function compareSolvers(context: StageContext): Promise<Point[]> {
  const random = createRandom(context.seed, 9);
  const x = Float64Array.from({ length: 64 }, () => random.normal());
  const [high, low] = [20, 0.05];
  const solve = async (solver: Solver, steps: number) => {
    const plan: Plan = createPlan({
      schedule: vp(),
      // Even in log sigma, the end included: no step rests.
      grid: exponential({ sigmaMax: high, sigmaMin: low * (high / low) ** (1 / steps), final: low }),
      prediction: 'epsilon',
      solver,
      steps,
    });
    const model = (state: ArrayLike<number>, { alpha, sigma }: { alpha: number; sigma: number }) =>
      mixtureNoise(state, alpha, sigma);
    const result = await sample(plan, model, { shape: [32, 2], x });
    return { values: result.x, calls: result.modelCalls };
  };
  const exact = (await solve(rk4(), context.quick ? 200 : 1500)).values;
  const solvers: Record<string, Solver> = {
    'DDIM / Euler': ddim(),
    Heun: heun(),
    DPM2: dpm2(),
    LMS: lms(),
    'DPM++ 2M': dpmSolver({ lowerOrderFinal: 'never' }),
    'RES multistep 3': resMultistep({ order: 3 }),
    'DEIS 3': deis({ order: 3 }),
    'UniPC 3': uniPc({ order: 3, lowerOrderFinal: false }),
    RK4: rk4(),
  };
  const points: Point[] = [];
  for (const [name, solver] of Object.entries(solvers)) {
    for (const calls of [8, 16, 32, 64, 128]) {
      const perStep = name === 'RK4' ? 4 : /Heun|DPM2/.test(name) ? 2 : 1;
      const result = await solve(solver, calls / perStep);
      let sum = 0;
      for (let i = 0; i < exact.length; i++) sum += (result.values[i]! - exact[i]!) ** 2;
      points.push({ solver: name, calls: result.calls, error: Math.sqrt(sum / exact.length) });
    }
    await context.progress(0.88 + 0.1 * (points.length / 45), `error of ${name}`);
  }
  return points;
}

function report(
  plan: typeof full,
  losses: number[],
  drawn: readonly Drawn[],
  points: readonly Point[],
): Block[] {
  const at32 = (name: string) =>
    points.find(({ solver, calls }) => solver === name && calls >= 31 && calls <= 33)!.error;
  const names = [...new Set(points.map(({ solver }) => solver))];
  return [
    text(
      `A perceptron of ${hidden} units a layer learned which MNIST digit at ${side}x${side} is behind a state of a rectified flow (${plan.steps} steps of ${plan.batch}, averaged weights; last loss ${losses.at(-1)!.toFixed(3)}). The same network then draws from the same noise by four samplers. That any solver runs on any schedule is why DDPM can sample a flow.`,
    ),
    scores(
      ...['DDIM / Euler', 'DPM++ 2M', 'UniPC 3'].map((name) => ({
        label: `${name}: error after 32 model calls`,
        value: at32(name).toExponential(1),
        note: 'exact mixture, root mean square',
      })),
    ),
    images({
      items: drawn.map(({ name, pictures }) => ({ pictures: [sheet(pictures)], caption: name })),
      labels: ['drawn digits'],
      caption: 'The same starts for all four, not chosen.',
    }),
    table({
      columns: [
        'sampler',
        'model calls',
        { label: 'ms in all', digits: 0 },
        { label: 'ms a call', digits: 2 },
      ],
      rows: drawn.map(({ name, modelCalls, milliseconds }) => [
        name,
        modelCalls,
        milliseconds,
        milliseconds / modelCalls,
      ]),
    }),
    plots({
      title: 'Error against model calls on a mixture of Gaussians whose noise is known exactly',
      options: {
        x: { type: 'log', label: 'model calls', ticks: [8, 16, 32, 64, 128], tickFormat: 'd' },
        y: { type: 'log', label: 'RMS error', ticks: 6, tickFormat: '.0e', grid: true },
        color: { domain: names, range: seriesColors },
        symbol: { legend: true, domain: names },
        marks: [
          ruleY([1e-5], { strokeOpacity: 0 }),
          lineY(points as Point[], { x: 'calls', y: 'error', stroke: 'solver' }),
          dot(points as Point[], {
            x: 'calls',
            y: 'error',
            stroke: 'solver',
            symbol: 'solver',
            fill: 'var(--card)',
          }),
        ],
      },
    }),
  ];
}

/** Digits side by side. */
function sheet(pictures: Float32Array) {
  const count = pictures.length / pixels;
  const columns = Math.ceil(Math.sqrt(count));
  const rows = Math.ceil(count / columns);
  const data = new Uint8Array(columns * rows * pixels);
  for (let n = 0; n < count; n++) {
    for (let i = 0; i < pixels; i++) {
      const row = Math.floor(n / columns) * side + Math.floor(i / side);
      const column = (n % columns) * side + (i % side);
      data[row * columns * side + column] = Math.max(
        0,
        Math.min(255, 127.5 * (pictures[n * pixels + i]! + 1)),
      );
    }
  }
  return grayPicture(data, columns * side, rows * side);
}
