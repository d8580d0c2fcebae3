/** A spline flow learns the density of two moons, which is known, and draws from it. */
import { dot, lineY, ruleY } from '@observablehq/plot';
import * as tf from '@tensorflow/tfjs-core';
import { type Key, key, normal, split, uniform } from '@tfkit/core';
import { adam } from '@tfkit/core/tfjs';
import { evaluate, type Flow, fit } from '@tfkit/nice-flow';
import { splineFlow } from '@tfkit/nice-flow/splines';
import { type Block, images, type Picture, plots, scores, seriesColors, text } from '../report/blocks';
import { classPicture } from '../report/pictures';
import type { Stage, StageContext } from '../stage';

const full = { train: 8000, test: 4000, steps: 450, batch: 256, side: 128 };
const quick = { train: 512, test: 256, steps: 6, batch: 64, side: 32 };

const noise = 0.1;
const rate = 8e-3;
/** What the pictures show. */
const frame = { left: -1.6, right: 2.6, bottom: -1.1, top: 1.6 };

export const stage: Stage = {
  name: 'spline-flow',
  title: 'The density of two moons',
  method:
    'A spline flow bends the plane by monotone curves with a closed inverse, so that the exact density of any point and new points come from one small network.',
  paper: {
    citation: 'Durkan, Bekasov, Murray, Papamakarios: Neural Spline Flows, 2019',
    url: 'https://arxiv.org/abs/1906.04032',
  },
  package: '@tfkit/nice-flow',
  budget: 20,
  needs: [],
  run,
};

async function run(context: StageContext): Promise<readonly Block[]> {
  const plan = context.quick ? quick : full;
  const [trainKey, testKey, modelKey, orderKey, sampleKey] = split(key(context.seed), 5) as Key[];
  const train = moons(trainKey!, plan.train);
  const test = moons(testKey!, plan.test);
  const flow = splineFlow({ shape: [2], layers: 4, bins: 8, bound: 4, hidden: [32, 32], key: modelKey! });
  const optimizer = adam({ learningRate: rate });
  const curve: number[] = [];
  try {
    const start = performance.now();
    await fit(flow, train, {
      ...{ key: orderKey!, steps: plan.steps, batchSize: plan.batch, optimizer, clipNorm: 5 },
      learningRate: (step) => rate * Math.cos((Math.PI / 2) * (step / plan.steps)) ** 2,
      signal: context.signal,
      onProgress({ step, logLikelihood }) {
        curve.push(logLikelihood);
        return context.progress(
          (0.9 * step) / plan.steps,
          `step ${step} of ${plan.steps}, ${logLikelihood.toFixed(2)} nats`,
        );
      },
    });
    const seconds = (performance.now() - start) / 1000;
    const { logLikelihood } = await evaluate(flow, test, { batchSize: 1000, signal: context.signal });
    const best = mean(
      Array.from({ length: plan.test }, (_, i) => Math.log(density(test[2 * i]!, test[2 * i + 1]!))),
    );
    await context.progress(0.95, 'drawing the density');
    const learnt = await densityPicture(flow, plan.side);
    const samples = flow.sample(600, { key: sampleKey! });
    const points = await samples.data();
    samples.dispose();
    return report(
      flow,
      { curve, seconds, best, logLikelihood, plan },
      [truePicture(plan.side), learnt],
      points,
    );
  } finally {
    optimizer.dispose();
    flow.dispose();
  }
}

/** Points [count, 2] on two half circles, with normal noise. */
function moons(from: Key, count: number): Float32Array {
  const [angleKey, sideKey, noiseKey] = split(from, 3) as Key[];
  const angles = uniform(angleKey!, count);
  const sides = uniform(sideKey!, count);
  const moved = normal(noiseKey!, [count, 2]);
  return moved.map((value, i) => {
    const at = arc(sides[i >> 1]! < 0.5, angles[i >> 1]! * Math.PI);
    return at[i % 2]! + noise * value;
  });
}

const arc = (isUpper: boolean, angle: number): [number, number] =>
  isUpper ? [Math.cos(angle), Math.sin(angle)] : [1 - Math.cos(angle), 0.5 - Math.sin(angle)];

/** The true density: the noise spread along both arcs, by the midpoint rule. */
function density(x: number, y: number): number {
  const nodes = 64;
  let sum = 0;
  for (const isUpper of [true, false]) {
    for (let i = 0; i < nodes; i++) {
      const [u, v] = arc(isUpper, (Math.PI * (i + 0.5)) / nodes);
      sum += Math.exp(-((x - u) ** 2 + (y - v) ** 2) / (2 * noise ** 2));
    }
  }
  return sum / (2 * nodes * 2 * Math.PI * noise ** 2);
}

const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;

/** The centre of each pixel, from the top left. */
function grid(side: number): Float32Array {
  const { left, right, bottom, top } = frame;
  return Float32Array.from({ length: 2 * side ** 2 }, (_, i) => {
    const [row, column] = [Math.floor(i / 2 / side), (i >> 1) % side];
    return i % 2
      ? top - ((top - bottom) * (row + 0.5)) / side
      : left + ((right - left) * (column + 0.5)) / side;
  });
}

async function densityPicture(flow: Flow, side: number): Promise<Picture> {
  const values = tf.tidy(() => tf.exp(flow.logProb(tf.tensor2d(grid(side), [side ** 2, 2]))));
  const data = (await values.data()) as Float32Array;
  values.dispose();
  return heat(data, side);
}

function truePicture(side: number): Picture {
  const points = grid(side);
  return heat(
    Float32Array.from({ length: side ** 2 }, (_, i) => density(points[2 * i]!, points[2 * i + 1]!)),
    side,
  );
}

/** From dark blue over green to yellow, each picture on the same scale: the greatest true density. */
const stops = ['#0d1b3e', '#17406d', '#1f6f87', '#2f9e83', '#7cc46b', '#d9dd5a', '#fdf6b0'];
const greatest = density(0, 1) * 1.1;

function heat(values: Float32Array, side: number): Picture {
  const levels = 64;
  const ids = Uint8Array.from(values, (value) =>
    Math.min(levels - 1, Math.floor((levels * value) / greatest)),
  );
  const palette = Array.from({ length: levels }, (_, i) => mixed((i / (levels - 1)) * (stops.length - 1)));
  return classPicture(ids, side, side, palette);
}

function mixed(position: number): string {
  const index = Math.min(stops.length - 2, Math.floor(position));
  const [from, to] = [stops[index]!, stops[index + 1]!].map((stop) => Number.parseInt(stop.slice(1), 16)) as [
    number,
    number,
  ];
  const part = (shift: number) => {
    const [a, b] = [(from >> shift) & 255, (to >> shift) & 255];
    return Math.round(a + (b - a) * (position - index))
      .toString(16)
      .padStart(2, '0');
  };
  return `#${part(16)}${part(8)}${part(0)}`;
}

interface Result {
  readonly curve: readonly number[];
  readonly seconds: number;
  readonly best: number;
  readonly logLikelihood: number;
  readonly plan: typeof full;
}

function report(
  flow: Flow,
  { curve, seconds, best, logLikelihood, plan }: Result,
  pictures: readonly Picture[],
  points: ArrayLike<number>,
): Block[] {
  const drawn = Array.from({ length: points.length / 2 }, (_, i) => ({
    x: points[2 * i]!,
    y: points[2 * i + 1]!,
  }));
  return [
    text(
      `An elementwise spline and four spline couplings of 8 bins (${flow.parameterCount.toLocaleString('en')} parameters) saw ${plan.steps} batches of ${plan.batch} points in ${seconds.toFixed(1)} seconds. The moons are half circles with normal noise of deviation ${noise}, so that the true density is an integral, and the best possible score is known.`,
    ),
    scores(
      {
        label: 'Log-likelihood of a test point, nats',
        value: logLikelihood.toFixed(3),
        note: `the true density: ${best.toFixed(3)}`,
      },
      {
        label: 'Divergence from the true density, nats',
        value: (best - logLikelihood).toFixed(3),
        note: 'Kullback-Leibler, estimated on the test points; 0 is perfect',
      },
    ),
    images({
      items: [{ pictures, caption: 'On one scale; yellow is dense.' }],
      labels: ['true density', 'the flow'],
      caption: `The density from ${frame.left} to ${frame.right} and ${frame.bottom} to ${frame.top}.`,
    }),
    plots(
      {
        title: 'Points drawn from the flow',
        options: {
          x: { domain: [frame.left, frame.right], label: null },
          y: { domain: [frame.bottom, frame.top], label: null },
          marks: [dot(drawn, { x: 'x', y: 'y', r: 1.5, fill: seriesColors[0]!, clip: true })],
        },
      },
      {
        title: 'Log-likelihood of each batch, before the step on it',
        options: {
          x: { label: 'step' },
          y: { label: 'nats', grid: true, domain: [-3.5, 0], clamp: true },
          marks: [
            ruleY([best], { stroke: seriesColors[1]!, strokeDasharray: '4 3' }),
            lineY(
              curve.map((nats, i) => ({ step: i + 1, nats })),
              { x: 'step', y: 'nats', stroke: seriesColors[0]!, strokeWidth: 1.5 },
            ),
          ],
        },
      },
    ),
  ];
}
