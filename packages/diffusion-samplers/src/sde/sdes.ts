/**
 * The forward SDEs of score-based models, dx = f(t) x dt + g(t) dw, t in [0, 1] (arXiv:2011.13456, section 3.4), and
 * what follows from them: marginals, the reverse SDE and the probability-flow ODE. Noise is additive and the drift linear.
 */
import { checkNumber } from '@tfkit/core';
import type { Level } from '../level';
import { checkPrediction, conversion, inputLevel, type Prediction, type PredictionType } from '../prediction';
import type { ContinuousVpOptions } from '../schedules/continuousVp';

/** A forward SDE dx = f(t) x dt + g(t) dw: its coefficients, its marginals, and the range of its time. */
export interface Sde {
  readonly name: string;
  /** f(t): the drift is f(t) x. */
  drift(t: number): number;
  /** g(t). */
  diffusion(t: number): number;
  /** The marginal: x(t) = alpha x0 + sigma epsilon; its `timestep` is what the model is told. */
  level(t: number): Level;
  /** Between these times the SDE is solved; below the first the score is not learned. */
  readonly timeMin: number;
  readonly timeMax: number;
}

function rate(name: string, { betaMin = 0.1, betaMax = 20, timeMin = 1e-3 }: ContinuousVpOptions) {
  checkNumber([name, 'betaMin'], betaMin, { min: 0, open: 'min' });
  checkNumber([name, 'betaMax'], betaMax, { min: betaMin });
  checkNumber([name, 'timeMin'], timeMin, { min: 0, max: 1, open: 'max' });
  const beta = (t: number) => betaMin + t * (betaMax - betaMin);
  /** Integral of beta from 0 to t. */
  const integral = (t: number) => betaMin * t + 0.5 * (betaMax - betaMin) * t * t;
  return { timeMin, timeMax: 1, beta, integral };
}

/** Variance preserving: dx = -beta(t) x / 2 dt + sqrt(beta(t)) dw, the limit of DDPM. */
export function vpSde(options: ContinuousVpOptions = {}): Sde {
  const { beta, integral, ...times } = rate('vpSde', options);
  return {
    ...{ name: 'vp', ...times },
    drift: (t) => -0.5 * beta(t),
    diffusion: (t) => Math.sqrt(beta(t)),
    level: (t) => ({
      timestep: t,
      alpha: Math.exp(-0.5 * integral(t)),
      sigma: Math.sqrt(-Math.expm1(-integral(t))),
    }),
  };
}

/** Sub-VP: drift as in VP, g^2 = beta(t) (1 - exp(-2 integral beta)), sigma = 1 - alpha^2. */
export function subVpSde(options: ContinuousVpOptions = {}): Sde {
  const { beta, integral, ...times } = rate('subVpSde', options);
  return {
    ...{ name: 'subVp', ...times },
    drift: (t) => -0.5 * beta(t),
    diffusion: (t) => Math.sqrt(-beta(t) * Math.expm1(-2 * integral(t))),
    level: (t) => ({ timestep: t, alpha: Math.exp(-0.5 * integral(t)), sigma: -Math.expm1(-integral(t)) }),
  };
}

/** Options of `veSde`: sigma at time 0, default 0.01, and at time 1, default 50; and the least time. */
export interface VeSdeOptions {
  readonly sigmaMin?: number;
  readonly sigmaMax?: number;
  /** Default 1e-5. */
  readonly timeMin?: number;
}

/**
 * Variance exploding: sigma(t) = sigmaMin (sigmaMax / sigmaMin)^t, the limit of SMLD; the model is told sigma.
 *
 * @throws OptionError unless 0 < sigmaMin < sigmaMax and 0 <= timeMin < 1.
 */
export function veSde(options: VeSdeOptions = {}): Sde {
  const { sigmaMin = 0.01, sigmaMax = 50, timeMin = 1e-5 } = options;
  checkNumber(['veSde', 'sigmaMin'], sigmaMin, { min: 0, open: 'min' });
  checkNumber(['veSde', 'sigmaMax'], sigmaMax, { min: sigmaMin, open: 'min' });
  checkNumber(['veSde', 'timeMin'], timeMin, { min: 0, max: 1, open: 'max' });
  const growth = Math.log(sigmaMax / sigmaMin);
  const sigma = (t: number) => sigmaMin * Math.exp(growth * t);
  return {
    ...{ name: 've', timeMin, timeMax: 1 },
    drift: () => 0,
    diffusion: (t) => sigma(t) * Math.sqrt(2 * growth),
    level: (t) => ({ timestep: sigma(t), alpha: 1, sigma: sigma(t) }),
  };
}

export interface FlowSdeOptions {
  /** Default 1e-3. */
  readonly timeMin?: number;
  /** Below 1, where the drift is infinite. Default 0.999. */
  readonly timeMax?: number;
}

/**
 * The SDE whose marginals are a rectified flow's, x = (1 - t) x0 + t epsilon; the model is told t.
 *
 * @throws OptionError unless 0 < timeMin < timeMax < 1.
 */
export function flowSde(options: FlowSdeOptions = {}): Sde {
  const { timeMin = 1e-3, timeMax = 0.999 } = options;
  checkNumber(['flowSde', 'timeMin'], timeMin, { min: 0, max: 1, open: 'both' });
  checkNumber(['flowSde', 'timeMax'], timeMax, { min: timeMin, max: 1, open: 'both' });
  return {
    ...{ name: 'flow', timeMin, timeMax },
    drift: (t) => -1 / (1 - t),
    diffusion: (t) => Math.sqrt((2 * t) / (1 - t)),
    level: (t) => ({ timestep: t, alpha: 1 - t, sigma: t }),
  };
}

/** A form a x + b m in the state and the output of the model on `scale` x. */
export interface ModelForm extends Level {
  readonly x: number;
  readonly m: number;
  /** What the model's input is multiplied by: c_in of raw EDM networks, else 1. */
  readonly scale: number;
}

/**
 * The score, -epsilon / sigma, of a prediction at t.
 *
 * @throws OptionError for an unknown prediction type.
 */
export function scoreForm(sde: Sde, prediction: PredictionType | Prediction, t: number): ModelForm {
  return scoreOf(checkPrediction(prediction), sde.level(t));
}

/** The score of a prediction at a level with sigma > 0. */
export function scoreOf(prediction: Prediction, level: Level): ModelForm {
  const seen = inputLevel(prediction, level);
  const scale = seen.alpha / level.alpha;
  const [, , c, d] = conversion(prediction, seen);
  const { timestep, alpha, sigma } = level;
  return { timestep, alpha, sigma, x: (-c * scale) / sigma, m: -d / sigma, scale };
}

/**
 * The drift at t of dx = [f x - (1 + lambda^2) / 2 g^2 score] dt + lambda g dw in reverse time: lambda 1 is the reverse
 * SDE, 0 the probability-flow ODE; all have the same marginals (arXiv:2011.13456, eq. 6 and 13).
 *
 * @returns factors of the state and of the model's output.
 */
export function reverseDrift(
  sde: Sde,
  prediction: PredictionType | Prediction,
  t: number,
  lambda = 1,
): ModelForm {
  const { x, m, scale, timestep, alpha, sigma } = scoreForm(sde, prediction, t);
  const weight = -0.5 * (1 + lambda * lambda) * sde.diffusion(t) ** 2;
  return { timestep, alpha, sigma, x: sde.drift(t) + weight * x, m: weight * m, scale };
}
