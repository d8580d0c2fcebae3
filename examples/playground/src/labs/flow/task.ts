/** Trains a RealNVP on points of the plane, with its density and samples on the way. */
import * as tf from '@tensorflow/tfjs-core';
import { type Key, key, split } from '@tfkit/core';
import { type Flow, fit, realNVP } from '@tfkit/nice-flow';
import { createPace } from '../../worker/pace';
import type { TaskContext } from '../../worker/protocol';
import { reach } from './points';

export interface FlowInput {
  /** [count, 2] row-major. */
  readonly points: Float32Array;
  readonly couplings: number;
  readonly width: number;
  readonly steps: number;
  readonly temperature: number;
  readonly seed: number;
}

export interface FlowView {
  /** Density at the middle of each cell, [side, side], from the lowest y up. */
  readonly density: Float32Array;
  readonly side: number;
  /** [count, 2]. */
  readonly samples: Float32Array;
  /** Mean log-likelihood of the batches, in nats, with the step of each. */
  readonly curve: readonly { readonly step: number; readonly logLikelihood: number }[];
}

export interface FlowResult extends FlowView {
  readonly parameterCount: number;
  /** What the density sums to over the picture. */
  readonly mass: number;
  /** Largest |inverse(forward(x)) - x| over the points. */
  readonly inversionError: number;
}

const side = 56;
const sampleCount = 400;

export async function runFlow(
  input: FlowInput,
  { signal, progress }: TaskContext<FlowView>,
): Promise<FlowResult> {
  const { points, couplings, width, steps } = input;
  if (points.length < 16)
    throw new Error(`at least 8 points are needed, got ${points.length / 2}: draw some more.`);
  const [modelKey, trainKey, sampleKey] = split(key(input.seed), 3);
  const flow = realNVP({ shape: [2], couplings, hidden: [width, width], batchNorm: false, key: modelKey });
  const curve: { step: number; logLikelihood: number }[] = [];
  const pace = createPace();
  try {
    await fit(flow, points, {
      key: trainKey,
      steps,
      batchSize: Math.min(128, points.length / 2),
      learningRate: (step) => 5e-3 * Math.min(1, (1.5 * (steps - step)) / steps),
      clipNorm: 20,
      signal,
      onProgress: async ({ step, logLikelihood }) => {
        curve.push({ step, logLikelihood });
        const view = pace.due() ? await pace.spend(() => look(flow, input, sampleKey)) : undefined;
        const text = `step ${step} of ${steps}, ${logLikelihood.toFixed(3)} nats`;
        await progress(step / steps, text, view && { ...view, curve });
      },
    });
    const view = await look(flow, input, sampleKey);
    const cell = ((2 * reach) / side) ** 2;
    return {
      ...view,
      curve,
      parameterCount: flow.parameterCount,
      mass: view.density.reduce((sum, value) => sum + value * cell, 0),
      inversionError: await inversionError(flow, points),
    };
  } finally {
    flow.dispose();
  }
}

async function look(
  flow: Flow,
  { temperature }: FlowInput,
  sampleKey: Key,
): Promise<Omit<FlowView, 'curve'>> {
  const cells = Float32Array.from({ length: 2 * side * side }, (_, at) => {
    const cell = at >> 1;
    const position = at % 2 ? Math.floor(cell / side) : cell % side;
    return ((position + 0.5) / side) * 2 * reach - reach;
  });
  const [density, samples] = tf.tidy(() => [
    tf.exp(flow.logProb(tf.tensor2d(cells, [side * side, 2]))),
    flow.sample(sampleCount, { key: sampleKey, temperature }),
  ]) as [tf.Tensor, tf.Tensor];
  try {
    return {
      density: Float32Array.from(await density.data()),
      samples: Float32Array.from(await samples.data()),
      side,
    };
  } finally {
    tf.dispose([density, samples]);
  }
}

async function inversionError(flow: Flow, points: Float32Array): Promise<number> {
  const worst = tf.tidy(() => {
    const x = tf.tensor2d(points, [points.length / 2, 2]);
    return tf.max(tf.abs(tf.sub(flow.inverse(flow.forward(x).z).x, x)));
  });
  const [value] = await worst.data();
  worst.dispose();
  return value!;
}
