/** The cases whose steps depend on the data. They run in float64, on the host. */
import { type ArrayModel, injectedNoise } from '../../src';
import { type AdaptiveAttempt, dpmAdaptive, predictorCorrector } from '../../src/adaptive';
import { linspace } from '../../src/level';
import { expectClose } from './compare';
import { type Json, runModel } from './models';

const modelOf =
  ({ model, config }: Json): ArrayModel =>
  (x, call) =>
    runModel(model, config, x, call);

async function adaptive(document: Json): Promise<void> {
  const { config, shape, init, noise, tolerance, info } = document;
  const attempts: AdaptiveAttempt[] = [];
  const { x, ...counts } = await dpmAdaptive(modelOf(document), {
    ...{
      shape,
      x: init,
      noise: injectedNoise(noise),
      order: config.order,
      rtol: config.rtol,
      atol: config.atol,
    },
    ...{ sigmaMin: config.sigma_min, sigmaMax: config.sigma_max, hInit: config.h_init, eta: config.eta },
    pid: [config.pcoeff, config.icoeff, config.dcoeff],
    ...{ acceptSafety: config.accept_safety, noiseScale: config.s_noise },
    onAttempt: (attempt) => attempts.push(attempt),
  });
  const tight = tolerance.float64;
  const trace = attempts.map(({ t, sigma, error, h, accepted, rejected }) => [
    t,
    sigma,
    error,
    h,
    accepted,
    rejected,
  ]);
  const want = document.adaptive.map((a: Json) => [a.t, a.sigma, a.error, a.h_next, a.n_accept, a.n_reject]);
  expectClose('adaptive', trace, want, tight);
  expectClose(
    'trajectory',
    attempts.map((attempt) => attempt.x),
    document.trajectory,
    tight,
  );
  expectClose('final', x, document.final, tight);
  const got = [counts.steps, counts.modelCalls, counts.accepted, counts.rejected];
  expectClose('info', got, [info.steps, info.nfe, info.n_accept, info.n_reject], tight);
}

/** The lists of ScoreSdeVeScheduler, compared, and what its steps need of them. */
export function scoreSdeLists(document: Json) {
  const { config, tolerance } = document;
  const { sigma_min: min, sigma_max: max, num_inference_steps: n } = config;
  const timesteps = linspace(1, config.sampling_eps, n);
  const sigmas = timesteps.map((t) => min * (max / min) ** t);
  const discrete = linspace(Math.log(min), Math.log(max), n).map(Math.exp);
  const lists = { timesteps, sigmas, discrete_sigmas: discrete, init_noise_sigma: max };
  for (const [name, list] of Object.entries(lists)) {
    if (document[name] !== undefined) expectClose(name, list, document[name], tolerance.float64);
  }
  const variances = timesteps.map((t) => {
    const k = Math.floor(t * (n - 1));
    return discrete[k]! ** 2 - (k > 0 ? discrete[k - 1]! ** 2 : 0);
  });
  return { timesteps, sigmas, variances };
}

async function scoreSde(document: Json): Promise<void> {
  const { config, shape, init, noise, tolerance } = document;
  const { timesteps, sigmas, variances } = scoreSdeLists(document);
  const tight = tolerance.float64;
  const states: Float64Array[] = [];
  const corrected: Float64Array[] = [];
  const { x, mean } = await predictorCorrector(modelOf(document), {
    ...{ shape, x: init, noise: injectedNoise(noise), sigmas, variances, timesteps, norms: 'batch' },
    ...{ corrections: config.correct_steps, snr: config.snr },
    onStep(step) {
      states.push(step.x);
      corrected.push(step.corrected);
    },
  });
  if (document.after_corrector) expectClose('after_corrector', corrected, document.after_corrector, tight);
  expectClose('trajectory', states, document.trajectory, tight);
  expectClose('final', x, document.final, tight);
  if (document.final_mean) expectClose('final_mean', mean, document.final_mean, tight);
}

export const loops: Readonly<Record<string, (document: Json) => Promise<void>>> = {
  sample_dpm_adaptive: adaptive,
  ScoreSdeVeScheduler: scoreSde,
};
