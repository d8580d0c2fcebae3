/** The schedules of the VP and sub-VP SDEs, whose timesteps are t in [0, 1]. */
import type { Schedule } from './schedule';
import { unitLevel } from './vp';

/** The ends of beta(t), per unit of time, and of the times used. */
export interface ContinuousVpOptions {
  /** beta(t) rises linearly from `betaMin` to `betaMax` over t in [0, 1]. Default 0.1 and 20. */
  readonly betaMin?: number;
  readonly betaMax?: number;
  /** The smallest t. Default 0.001. */
  readonly timeMin?: number;
}

/** log alpha(t) of the VP SDE, and its inverse (arXiv:2011.13456, eq. 32-33). */
function linearRate({ betaMin = 0.1, betaMax = 20, timeMin = 1e-3 }: ContinuousVpOptions) {
  const slope = betaMax - betaMin;
  return {
    timeMin,
    logAlpha: (t: number) => -0.25 * slope * t * t - 0.5 * betaMin * t,
    time: (logAlpha: number) =>
      (-4 * logAlpha) / (betaMin + Math.sqrt(betaMin * betaMin - 4 * slope * logAlpha)),
  };
}

/** The continuous VP SDE: timesteps are t in [0, 1], listed sigma is sigma / alpha. */
export function continuousVp(options: ContinuousVpOptions = {}): Schedule {
  const { logAlpha, time, timeMin } = linearRate(options);
  const sigma = (t: number) => Math.sqrt(Math.expm1(-2 * logAlpha(t)));
  return {
    name: 'continuousVp',
    options,
    sigmaMin: sigma(timeMin),
    sigmaMax: sigma(1),
    level: unitLevel,
    timestep: (ratio) => time(-0.5 * Math.log1p(ratio * ratio)),
    sigma,
    sigmaOfRatio: (ratio) => ratio,
  };
}

/** The sub-VP SDE: alpha as in VP, sigma = 1 - alpha^2 (arXiv:2011.13456, eq. 29). Listed sigma is sigma / alpha. */
export function subVp(options: ContinuousVpOptions = {}): Schedule {
  const { logAlpha, time, timeMin } = linearRate(options);
  const sigma = (t: number) => -2 * Math.sinh(logAlpha(t));
  // sigma / alpha = 1/alpha - alpha = r gives alpha = (sqrt(r^2 + 4) - r) / 2.
  const alphaOf = (ratio: number) => 2 / (Math.sqrt(ratio * ratio + 4) + ratio);
  return {
    name: 'subVp',
    options,
    sigmaMin: sigma(timeMin),
    sigmaMax: sigma(1),
    level: (ratio) => ({ alpha: alphaOf(ratio), sigma: ratio * alphaOf(ratio) }),
    timestep: (ratio) => time(Math.log(alphaOf(ratio))),
    sigma,
    sigmaOfRatio: (ratio) => ratio,
  };
}
