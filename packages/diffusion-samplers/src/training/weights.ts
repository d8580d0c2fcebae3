/** What a network is trained to say at a level, how its loss is weighed, and at which levels. */
import { checkKnownOptions, checkNumber, checkOneOf, type Key, normal, uniform } from '@tfkit/core';
import { type Level, ratioOf } from '../level';
import { checkPrediction, conversion, inputLevel, type Prediction, type PredictionType } from '../prediction';
import type { Schedule } from '../schedules/schedule';
import type { Arithmetic } from '../sde/arithmetic';
import { arithmeticOf } from '../sde/model';

/** Levels of a batch, an item each, on the host. */
export interface Levels {
  readonly timestep: Float64Array;
  readonly alpha: Float64Array;
  readonly sigma: Float64Array;
}

/** The levels of a schedule at listed sigmas, [batch]: what `Schedule.level` says, with what the model is told. */
export function levelsAt(schedule: Schedule, sigmas: ArrayLike<number>): Levels {
  const each = Array.from(sigmas, (sigma) => ({
    ...schedule.level(sigma),
    timestep: schedule.timestep(sigma),
  }));
  return {
    timestep: Float64Array.from(each, ({ timestep }) => timestep),
    alpha: Float64Array.from(each, ({ alpha }) => alpha),
    sigma: Float64Array.from(each, ({ sigma }) => sigma),
  };
}

const each = <T>({ alpha, sigma, timestep }: Levels, f: (level: Level) => T): T[] =>
  Array.from(alpha, (_, i) => f({ alpha: alpha[i]!, sigma: sigma[i]!, timestep: timestep[i]! }));

/** What one step of training sees. Both values are the caller's own. */
export interface Example<V> {
  /** The network's input: alpha x0 + sigma epsilon, times c_in for raw EDM networks. */
  readonly input: V;
  /** What it is to return there. */
  readonly target: V;
}

/**
 * Input and target of a batch, from clean data, noise and levels: epsilon; x0; alpha epsilon - sigma x0 (velocity);
 * epsilon - x0 (flow); -epsilon / sigma (score); (x0 - c_skip x) / c_out (raw EDM networks, arXiv:2206.00364, eq. 8).
 *
 * @param x0, epsilon values of `on` with the batch first; not changed.
 * @throws OptionError for an unknown prediction type.
 */
export function trainingExample<V = Float64Array>(
  x0: V,
  epsilon: V,
  levels: Levels,
  prediction: PredictionType | Prediction,
  on?: Arithmetic<V>,
): Example<V> {
  const kind = checkPrediction(prediction);
  const arithmetic = arithmeticOf(on);
  const forms = each(levels, (level) => {
    const seen = inputLevel(kind, level);
    const [p, q] = targetForm(kind, seen);
    return [seen.alpha, seen.sigma, p, q] as const;
  });
  const column = (k: 0 | 1 | 2 | 3) => Float64Array.from(forms, (form) => form[k]);
  return {
    input: arithmetic.combine([column(0), column(1)], [x0, epsilon]),
    target: arithmetic.combine([column(2), column(3)], [x0, epsilon]),
  };
}

/** The target p x0 + q epsilon, from x0 = a x + b m with x = alpha x0 + sigma epsilon; epsilon = c x + d m where b is 0. */
function targetForm(prediction: Prediction, level: Level): readonly [p: number, q: number] {
  const { alpha, sigma } = level;
  switch (prediction.type) {
    case 'epsilon':
      return [0, 1];
    case 'score':
      return [0, -1 / sigma];
    default: {
      const [a, b] = conversion(prediction, level);
      // `sample` at sigma 0, and `flow` and `velocity` everywhere but there, have b != 0.
      if (b !== 0) return [(1 - a * alpha) / b, (-a * sigma) / b];
      return prediction.type === 'velocity' ? [-sigma, alpha] : [-1, 1];
    }
  }
}

/** How the squared error is weighed; each is one weight of the error of x0, whatever the network predicts. */
export type LossWeight =
  /** The network's own output counts equally at every level. */
  | 'uniform'
  /** The error of that quantity counts equally. */
  | 'epsilon'
  | 'sample'
  | 'velocity'
  | 'flow'
  | 'score'
  /** min(SNR, gamma) on x0 (Hang et al. 2023, arXiv:2303.09556). */
  | { readonly kind: 'min-snr'; readonly gamma?: number }
  /** (sigma^2 + sigmaData^2) / (sigma sigmaData)^2 on x0 (Karras et al. 2022, arXiv:2206.00364). */
  | { readonly kind: 'edm'; readonly sigmaData?: number }
  /** 1 / (k + SNR)^gamma on epsilon (Choi et al. 2022, arXiv:2204.00227). */
  | { readonly kind: 'p2'; readonly k?: number; readonly gamma?: number };

const quantities = ['epsilon', 'sample', 'velocity', 'flow', 'score'] as const;

/**
 * The factor of each item's mean squared error between the network's output and its target, [batch].
 *
 * @throws OptionError for a weight that is none of the above.
 */
export function lossWeights(
  levels: Levels,
  prediction: PredictionType | Prediction,
  weight: LossWeight,
): Float64Array {
  const kind = checkPrediction(prediction);
  if (typeof weight === 'string') checkOneOf(['lossWeights', 'weight'], weight, ['uniform', ...quantities]);
  else checkOneOf(['lossWeights', 'weight.kind'], weight.kind, ['min-snr', 'edm', 'p2']);
  if (weight === 'uniform') return new Float64Array(levels.alpha.length).fill(1);
  return Float64Array.from(
    each(levels, (level) => {
      // An error e of the output is an error b e of x0.
      const [, b] = conversion(kind, inputLevel(kind, level));
      return weightOfClean(level, weight) * b * b;
    }),
  );
}

/** The weight of the squared error of x0. */
function weightOfClean(level: Level, weight: Exclude<LossWeight, 'uniform'>): number {
  const snr = ratioOf(level) ** -2;
  if (typeof weight === 'string') {
    const [, b] = conversion({ type: weight }, level);
    return 1 / (b * b);
  }
  switch (weight.kind) {
    case 'min-snr':
      return Math.min(snr, weight.gamma ?? 5);
    case 'edm':
      return snr + 1 / (weight.sigmaData ?? 0.5) ** 2;
    case 'p2':
      return snr / ((weight.k ?? 1) + snr) ** (weight.gamma ?? 1);
  }
}

/** Options of `noiseLevels`: the normal distribution, or the ends of the uniform one. */
export interface TimeOptions {
  /** Mean and deviation of the normal number behind. Default 0 and 1 for 'logit-normal', -1.2 and 1.2 for 'log-normal'. */
  readonly mean?: number;
  readonly deviation?: number;
  /** Ends of 'uniform'. Default 0 and 1. */
  readonly min?: number;
  readonly max?: number;
}

/**
 * Random times or sigmas of a batch, from a key of core's generator: 'uniform' one in each of `count` equal parts of
 * [min, max), in order, so that a batch covers them evenly (arXiv:2107.00630, appendix I.1); 'logit-normal' sigmoid of a normal
 * number (rectified flows, arXiv:2403.03206); 'log-normal' exp of one, EDM's sigmas.
 *
 * @returns Float64Array [count]. For a discrete schedule: `schedule.sigma(time * (trainSteps - 1))`.
 * @throws OptionError for an unknown option or distribution, a mean that is not finite, a deviation below 0, or max below min;
 * OptionError or ShapeError if the key or the count is none.
 */
export function noiseLevels(
  key: Key,
  count: number,
  distribution: 'uniform' | 'logit-normal' | 'log-normal',
  options: TimeOptions = {},
): Float64Array {
  checkKnownOptions('noiseLevels', options, ['mean', 'deviation', 'min', 'max']);
  checkOneOf(['noiseLevels', 'distribution'], distribution, ['uniform', 'logit-normal', 'log-normal']);
  const isLog = distribution === 'log-normal';
  const { mean = isLog ? -1.2 : 0, deviation = isLog ? 1.2 : 1, min = 0, max = 1 } = options;
  checkNumber(['noiseLevels', 'mean'], mean);
  checkNumber(['noiseLevels', 'deviation'], deviation, { min: 0 });
  checkNumber(['noiseLevels', 'max'], max, { min });
  if (distribution === 'uniform') {
    return Float64Array.from(uniform(key, count), (u, i) => min + ((i + u) / count) * (max - min));
  }
  return Float64Array.from(normal(key, count), (z) => {
    const value = Math.exp(mean + deviation * z);
    return isLog ? value : value / (1 + value);
  });
}
