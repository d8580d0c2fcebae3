/**
 * Golden adapter: reference runs in the format of the data's README. Each `sample` case runs in float64 and in float32
 * on typed arrays, and, where a backend is set, on its tensors.
 */
import type { GoldenAdapter } from '@tfkit/test-kit/golden';
import {
  type ArrayModel,
  conversion,
  createPlan,
  injectedNoise,
  iterate,
  type ModelCall,
  type Plan,
  type Sampler,
} from '../src';
import { expectClose, type Tolerance } from './golden/compare';
import { loops, scoreSdeLists } from './golden/loops';
import { type Json, runModel } from './golden/models';
import { isFunction, isVarianceExploding, listedSigmas, rampOf, samplerOf } from './golden/samplers';

interface Recorded {
  readonly call: ModelCall;
  readonly x: Float64Array;
  readonly output: Float64Array;
}

interface Run {
  readonly calls: readonly Recorded[];
  /** x0 of each step's last call. */
  readonly previews: readonly ArrayLike<number>[];
  readonly final: ArrayLike<number>;
}

type Runner = (
  plan: Plan,
  model: ArrayModel,
  document: Json,
  init: Float64Array,
) => Promise<Run['previews'] & { final: ArrayLike<number> }>;

const adapter: GoldenAdapter = {
  async check({ document, backend }) {
    for (const item of document.cases ?? [document]) {
      if (item.format !== 1) throw new Error(`unknown format ${item.format}`);
      await checkCase(item, backend);
    }
    return undefined;
  },
};

export default adapter;

async function checkCase(document: Json, backend: string): Promise<void> {
  const { config, tolerance } = document;
  const place = `${config.op} ${config.scheduler ?? config.grid ?? config.beta_schedule}`;
  try {
    switch (config.op) {
      case 'schedule':
        return checkSchedule(document);
      case 'grid':
        return expectClose('sigmas', rampOf(config), document.sigmas, tolerance.float64);
      case 'timesteps':
        if (config.scheduler === 'ScoreSdeVeScheduler') scoreSdeLists(document);
        else checkLists(document);
        return;
      case 'sample':
        return await checkSample(document, backend);
      default:
        throw new Error(`unknown op '${config.op}'`);
    }
  } catch (error) {
    throw new Error(`${place}: ${(error as Error).message}`);
  }
}

function checkSchedule({ config, compat, tolerance, betas, alphas_cumprod }: Json): void {
  const { schedule } = samplerOf({ ...config, scheduler: 'DDPMScheduler' }, compat);
  const products = schedule.alphasCumprod!;
  const derived = products.map((product, i) => 1 - (i === 0 ? product : product / products[i - 1]!));
  if (alphas_cumprod) expectClose('alphas_cumprod', products, alphas_cumprod, tolerance.float64);
  if (betas) expectClose('betas', derived, betas, tolerance.float64);
}

function stepsOf(config: Json): number {
  const custom = config.custom_timesteps ?? config.custom_sigmas;
  if (!custom) return config.num_inference_steps;
  return /^EulerDiscrete/.test(config.scheduler) && !config.custom_timesteps
    ? custom.length - 1
    : custom.length;
}

function checkLists(document: Json): { sampler: Sampler; plan: Plan } {
  const { config, compat, tolerance, timesteps, sigmas, init_noise_sigma } = document;
  const sampler = samplerOf(config, compat);
  const steps = stepsOf(config);
  const plan = createPlan({ ...sampler, steps });
  const tight: Tolerance = tolerance.float64;
  if (timesteps) {
    const calls = plan.steps.flatMap(({ instructions }) => instructions.filter(({ op }) => op === 'model'));
    const got = calls.map((instruction) => (instruction.op === 'model' ? instruction.level.timestep : NaN));
    expectClose('timesteps', got, timesteps, tight);
  }
  if (sigmas) {
    const points = sampler.grid.points(sampler.schedule, steps);
    const own = listedSigmas(config, points.sigmas);
    const logLinear = config.interpolation_type === 'log_linear' && sigmas.length === own.length + 1;
    expectClose('sigmas', logLinear ? [...own, 0] : own, sigmas, tight);
  }
  if (init_noise_sigma !== undefined && !isFunction(config.scheduler)) {
    const scale = isVarianceExploding(config.scheduler)
      ? plan.initialScale / plan.steps[0]!.from.alpha
      : plan.initialScale;
    expectClose('init_noise_sigma', scale, init_noise_sigma, tight);
  }
  return { sampler, plan };
}

async function checkSample(document: Json, backend: string): Promise<void> {
  const loop = loops[document.config.scheduler];
  if (loop) return loop(document);
  const { sampler, plan } = checkLists(document);
  const { tolerance } = document;
  compareRun(document, sampler, plan, await record(document, plan, runArrays('float64')), tolerance.float64);
  compareRun(document, sampler, plan, await record(document, plan, runArrays('float32')), tolerance.float32);
  if (!backend) return;
  const { runTensors } = await import('./golden/tensors');
  compareRun(document, sampler, plan, await record(document, plan, runTensors), tolerance.float32);
}

const runArrays =
  (precision: 'float32' | 'float64'): Runner =>
  async (plan, model, document, init) => {
    const previews: ArrayLike<number>[] = [];
    let final: ArrayLike<number> = init;
    const noise = injectedNoise(document.noise);
    for await (const step of iterate(plan, model, { shape: document.shape, x: init, noise, precision })) {
      previews.push(step.x0());
      final = step.x.slice();
    }
    return Object.assign(previews, { final });
  };

async function record(document: Json, plan: Plan, runner: Runner): Promise<Run> {
  const { config, model, model_calls } = document;
  const calls: Recorded[] = [];
  const own = isVarianceExploding(config.scheduler);
  const recorded: ArrayModel = (x, call) => {
    const expected = model_calls?.[calls.length] ?? call;
    // The level that the peer's model was asked at, which a quirk may have put elsewhere than the state.
    const isScaled = model.prediction === 'edm_raw';
    const level =
      isScaled || model.kind === 'dummy' ? call : { ...call, alpha: expected.alpha, sigma: expected.sigma };
    const output = runModel(model, config, x, level);
    calls.push({ call, x: Float64Array.from(x), output });
    return output;
  };
  const first = plan.steps[0]!.from.alpha;
  const init = Float64Array.from(document.init as number[], (value) => (own ? value * first : value));
  const result = await runner(plan, recorded, document, init);
  return { calls, previews: [...result], final: result.final };
}

function compareRun(document: Json, sampler: Sampler, plan: Plan, run: Run, tolerance: Tolerance): void {
  const { config, model_calls, compat } = document;
  const own = isVarianceExploding(config.scheduler);
  const peerState = (x: ArrayLike<number>, alpha: number) =>
    Float64Array.from(x, (value) => (own ? value / alpha : value));
  if (model_calls) {
    if (run.calls.length !== model_calls.length) {
      throw new Error(`${run.calls.length} model calls, expected ${model_calls.length}`);
    }
    if (!compat && document.model.prediction !== 'edm_raw') {
      run.calls.forEach(({ call }, i) => {
        const { alpha, sigma } = model_calls[i];
        if (alpha !== undefined)
          expectClose(
            `model_calls[${i}]`,
            [call.alpha, call.sigma],
            [alpha, sigma],
            document.tolerance.float64,
          );
      });
    }
  }
  const starts = run.calls.filter(({ call }) => !isFunction(config.scheduler) || call.call === 0).slice(1);
  const end = plan.steps.at(-1)!.to.alpha;
  const states = [...starts.map(({ x, call }) => peerState(x, call.alpha)), peerState(run.final, end)];
  if (document.trajectory) expectClose('trajectory', states, document.trajectory, tolerance);
  if (document.pred_original_sample) {
    const single = run.calls.length === plan.steps.length;
    const estimates = single ? run.previews : run.calls.map((recorded) => estimateOf(sampler, recorded));
    expectClose('pred_original_sample', estimates, document.pred_original_sample, tolerance);
  }
  expectClose('final', states.at(-1), document.final, tolerance);
}

/** x0 of one call of a method that makes several a step. */
function estimateOf({ prediction, limit }: Sampler, { call, x, output }: Recorded): Float64Array {
  const [a, b] = conversion(typeof prediction === 'string' ? { type: prediction } : prediction, call);
  const range = limit?.kind === 'clip' ? limit.range : Infinity;
  return x.map((value, i) => Math.max(-range, Math.min(range, a * value + b * output[i]!)));
}
