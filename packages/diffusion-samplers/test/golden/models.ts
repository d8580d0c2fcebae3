/** The models of the reference runs: a Gaussian mixture with exact answers, and a fixed multiple of the input. */
import type { Level } from '../../src';

// biome-ignore lint/suspicious/noExplicitAny: the format's values are of any kind
export type Json = any;

/** E[x0 | x] for an isotropic mixture in 2-D, x = alpha x0 + sigma epsilon. */
export function mixtureMean(model: Json, x: ArrayLike<number>, alpha: number, sigma: number): Float64Array {
  const { weights, means, stds } = model as { weights: number[]; means: number[][]; stds: number[] };
  const out = new Float64Array(x.length);
  for (let p = 0; p < x.length; p += 2) {
    const parts = weights.map((weight, k) => {
      const variance = alpha ** 2 * stds[k]! ** 2 + sigma ** 2;
      const d = [0, 1].map((i) => x[p + i]! - alpha * means[k]![i]!);
      const log = Math.log(weight) - Math.log(variance) - (d[0]! ** 2 + d[1]! ** 2) / (2 * variance);
      return { log, mean: d.map((di, i) => means[k]![i]! + ((alpha * stds[k]! ** 2) / variance) * di) };
    });
    const top = Math.max(...parts.map(({ log }) => log));
    const total = parts.reduce((sum, { log }) => sum + Math.exp(log - top), 0);
    for (const { log, mean } of parts) {
      for (const i of [0, 1]) out[p + i]! += (Math.exp(log - top) / total) * mean[i]!;
    }
  }
  return out;
}

/**
 * The case's model on a state at `level`. For raw EDM networks the state comes scaled by c_in; the mixture is evaluated on
 * the unscaled one, as the format says.
 */
export function runModel(model: Json, config: Json, x: ArrayLike<number>, level: Level): Float64Array {
  const { timestep: t, alpha, sigma } = level;
  if (model.kind === 'dummy') return Float64Array.from(x, (value) => (value * t) / (t + 1));
  if (model.kind !== 'gmm') throw new Error(`unknown model '${model.kind}'`);
  if (model.prediction === 'edm_raw') return rawNetwork(model, config, x, level);
  const x0 = mixtureMean(model, x, alpha, sigma);
  return x0.map((clean, i) => {
    const epsilon = (x[i]! - alpha * clean) / sigma;
    switch (model.prediction) {
      case 'epsilon':
        return epsilon;
      case 'sample':
        return clean;
      case 'v_prediction':
        return alpha * epsilon - sigma * clean;
      case 'flow':
        return epsilon - clean;
      case 'score':
        return -epsilon / sigma;
      default:
        throw new Error(`unknown prediction '${model.prediction}'`);
    }
  });
}

function rawNetwork(model: Json, config: Json, x: ArrayLike<number>, { alpha, sigma }: Level): Float64Array {
  const state = Float64Array.from(x, (value) => value / alpha);
  const s = sigma / alpha;
  const deviation = config.sigma_data;
  const isConsistency = config.scheduler === 'CMStochasticIterativeScheduler';
  const offset = isConsistency ? s - config.sigma_min : s;
  const skip = deviation ** 2 / (offset ** 2 + deviation ** 2);
  const sign = config.prediction_type === 'v_prediction' ? -1 : 1;
  const out = (sign * offset * deviation) / Math.sqrt(s ** 2 + deviation ** 2);
  const x0 = mixtureMean(model, state, 1, s);
  return x0.map((clean, i) => (clean - skip * state[i]!) / (out === 0 ? 1 : out));
}
