/** What a model predicts, and how x0 and the noise follow from it. */
import { OptionError } from '@tfkit/core';
import type { Level } from './level';

/**
 * `epsilon` the noise; `sample` x0 itself; `velocity` alpha epsilon - sigma x0 (v-prediction); `flow` epsilon - x0;
 * `score` -epsilon / sigma; `edm` the raw network F with x0 = c_skip x + c_out F (Karras et al. 2022), the model then
 * sees c_in x; `edm-velocity` the same with the opposite sign of c_out; `consistency` the raw network of a consistency
 * model, whose c_skip is 1 at `sigmaMin`.
 */
export type PredictionType =
  | 'epsilon'
  | 'sample'
  | 'velocity'
  | 'flow'
  | 'score'
  | 'edm'
  | 'edm-velocity'
  | 'consistency';

export const predictionTypes: readonly PredictionType[] = [
  'epsilon',
  'sample',
  'velocity',
  'flow',
  'score',
  'edm',
  'edm-velocity',
  'consistency',
];

/** What a model predicts, with the numbers that its preconditioning needs. */
export interface Prediction {
  readonly type: PredictionType;
  /** Standard deviation of the data, for `edm` and `consistency`. Default 0.5. */
  readonly sigmaData?: number;
  /** The boundary of `consistency`. Default 0.002. */
  readonly sigmaMin?: number;
}

/** Clipping of x0 to [-range, range], or dynamic thresholding (Imagen, arXiv:2205.11487): per item, by its quantile. */
export type Limit =
  | { readonly kind: 'clip'; readonly range: number }
  | { readonly kind: 'threshold'; readonly ratio: number; readonly max: number };

/** How a prediction m gives x0 = a x + b m and epsilon = c x + d m, as [a, b, c, d]. */
export function conversion(
  { type, sigmaData = 0.5, sigmaMin = 0.002 }: Prediction,
  { alpha, sigma }: Level,
): readonly [number, number, number, number] {
  switch (type) {
    case 'epsilon':
      return [1 / alpha, -sigma / alpha, 0, 1];
    case 'sample':
      return [0, 1, 1 / sigma, -alpha / sigma];
    case 'velocity': {
      const norm = alpha * alpha + sigma * sigma;
      return [alpha / norm, -sigma / norm, sigma / norm, alpha / norm];
    }
    case 'flow': {
      const sum = alpha + sigma;
      return [1 / sum, -sigma / sum, 1 / sum, alpha / sum];
    }
    case 'score':
      return [1 / alpha, (sigma * sigma) / alpha, 0, -sigma];
    default: {
      const ratio = sigma / alpha;
      const offset = type === 'consistency' ? ratio - sigmaMin : ratio;
      const skip = sigmaData ** 2 / (offset ** 2 + sigmaData ** 2) / alpha;
      const sign = type === 'edm-velocity' ? -1 : 1;
      const out = (sign * offset * sigmaData) / Math.sqrt(ratio ** 2 + sigmaData ** 2);
      return [skip, out, (1 - alpha * skip) / sigma, (-alpha * out) / sigma];
    }
  }
}

/** The level in the coordinates that the model of this prediction sees: raw EDM networks take c_in x. */
export function inputLevel({ type, sigmaData = 0.5 }: Prediction, level: Level): Level {
  if (level.sigma === 0) return { ...level, alpha: 1 };
  if (!type.startsWith('edm') && type !== 'consistency') return level;
  const scale = 1 / Math.hypot(level.sigma, level.alpha * sigmaData);
  return { ...level, alpha: level.alpha * scale, sigma: level.sigma * scale };
}

export function checkPrediction(prediction: Prediction | PredictionType): Prediction {
  const value = typeof prediction === 'string' ? { type: prediction } : prediction;
  if (!predictionTypes.includes(value?.type)) {
    throw new OptionError(
      `createPlan: prediction must be one of ${predictionTypes.join(', ')}, got '${value?.type}'. v_prediction is 'velocity'.`,
    );
  }
  return value;
}
