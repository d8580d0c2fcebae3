/** Schedules in which time is sigma itself, or a simple function of it. */
import { checkNumber, checkOneOf } from '@tfkit/core';
import type { Schedule } from './schedule';

/** The smallest and the largest sigma, in standard deviations of the data. */
export interface SigmaRange {
  readonly sigmaMin?: number;
  readonly sigmaMax?: number;
}

function varianceExploding(
  name: string,
  options: object,
  { sigmaMin, sigmaMax }: Required<SigmaRange>,
  timestep: (sigma: number) => number,
  sigma: (timestep: number) => number,
): Schedule {
  checkNumber([name, 'sigmaMin'], sigmaMin, { min: 0, open: 'min' });
  checkNumber([name, 'sigmaMax'], sigmaMax, { min: sigmaMin, open: 'min' });
  return {
    ...{ name, options, sigmaMin, sigmaMax, timestep, sigma },
    level: (value) => ({ alpha: 1, sigma: value }),
    sigmaOfRatio: (ratio) => ratio,
  };
}

/** Variance exploding: alpha = 1, and the timestep is sigma. Default 0.01 to 50 (arXiv:2011.13456). */
export function ve(options: SigmaRange = {}): Schedule {
  const range = { sigmaMin: 0.01, sigmaMax: 50, ...options };
  return varianceExploding(
    've',
    options,
    range,
    (sigma) => sigma,
    (t) => t,
  );
}

export interface EdmOptions extends SigmaRange {
  /**
   * The model's noise condition: 'log' log(sigma) / 4 (arXiv:2206.00364), 'arctan' 2 atan(sigma) / pi (Stable Audio),
   * 'consistency' 250 log(sigma + 1e-44). Default 'log'.
   */
  readonly timesteps?: 'log' | 'arctan' | 'consistency';
}

/**
 * alpha = 1 as in EDM: sigma 0.002 to 80 by default. With prediction 'edm' the model sees c_in x.
 *
 * @throws OptionError if an option or a number is out of its range.
 */
export function edm(options: EdmOptions = {}): Schedule {
  const range = { sigmaMin: options.sigmaMin ?? 0.002, sigmaMax: options.sigmaMax ?? 80 };
  type Forms = Record<string, readonly [(sigma: number) => number, (timestep: number) => number]>;
  const forms = {
    log: [(s: number) => 0.25 * Math.log(s), (t: number) => Math.exp(4 * t)],
    arctan: [(s: number) => (2 / Math.PI) * Math.atan(s), (t: number) => Math.tan((Math.PI / 2) * t)],
    consistency: [(s: number) => 250 * Math.log(s + 1e-44), (t: number) => Math.exp(t / 250)],
  } satisfies Forms;
  const { timesteps = 'log' } = options;
  checkOneOf(['edm', 'timesteps'], timesteps, ['log', 'arctan', 'consistency']);
  const [timestep, sigma] = forms[timesteps] as Forms[string];
  return varianceExploding('edm', options, range, timestep, sigma);
}

export interface FlowOptions {
  /** The timestep is this times the time in [0, 1]. Default 1000. */
  readonly trainSteps?: number;
}

/**
 * Rectified flow: x = (1 - t) x0 + t epsilon; listed sigma is t in [0, 1] (arXiv:2209.03003).
 *
 * @throws OptionError if an option or a number is out of its range.
 */
export function flow(options: FlowOptions = {}): Schedule {
  const { trainSteps = 1000 } = options;
  checkNumber(['flow', 'trainSteps'], trainSteps, { min: 1 });
  return {
    ...{ name: 'flow', options, trainSteps, sigmaMin: 1 / trainSteps, sigmaMax: 1 },
    level: (t) => ({ alpha: 1 - t, sigma: t }),
    timestep: (t) => trainSteps * t,
    sigma: (timestep) => timestep / trainSteps,
    sigmaOfRatio: (ratio) => (ratio === Infinity ? 1 : ratio / (1 + ratio)),
  };
}

export interface TrigFlowOptions {
  /** 'angle': the model is told the angle; 'fraction': 2 angle / pi. Default 'angle'. */
  readonly timesteps?: 'angle' | 'fraction';
}

/**
 * TrigFlow: x = cos(t) x0 + sin(t) epsilon, t in [0, pi / 2]; listed sigma is t (arXiv:2410.11081). Data is divided by
 * its standard deviation beforehand. Its network predicts 'velocity'.
 */
export function trigFlow(options: TrigFlowOptions = {}): Schedule {
  const scale = options.timesteps === 'fraction' ? 2 / Math.PI : 1;
  return {
    ...{ name: 'trigFlow', options, sigmaMin: 1e-3, sigmaMax: Math.PI / 2 },
    // At the end cos must be exactly 0.
    level: (t) => ({ alpha: t === Math.PI / 2 ? 0 : Math.cos(t), sigma: Math.sin(t) }),
    timestep: (t) => scale * t,
    sigma: (timestep) => timestep / scale,
    sigmaOfRatio: (ratio) => Math.atan(ratio),
  };
}
