import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createPlan } from '../src';
import {
  communityNames,
  type DiffusersConfig,
  diffusersClasses,
  fromDiffusersConfig,
  samplerByName,
  toDiffusersConfig,
  torchNoise,
  torchRandn,
} from '../src/diffusers';
import { torchNormal } from '../src/torchRandn';
import reference from './golden/torch-randn.json';

const stable = { beta_schedule: 'scaled_linear', beta_start: 0.00085, beta_end: 0.012 };

const configs = [
  ...diffusersClasses.map((name) => ({ _class_name: name })),
  {
    _class_name: 'DPMSolverMultistepScheduler',
    ...stable,
    use_karras_sigmas: true,
    algorithm_type: 'sde-dpmsolver++',
    solver_order: 3,
  },
  {
    _class_name: 'DPMSolverMultistepScheduler',
    use_flow_sigmas: true,
    flow_shift: 3,
    prediction_type: 'flow_prediction',
  },
  {
    _class_name: 'EulerDiscreteScheduler',
    ...stable,
    timestep_spacing: 'trailing',
    prediction_type: 'v_prediction',
    rescale_betas_zero_snr: true,
  },
  { _class_name: 'EulerDiscreteScheduler', ...stable, use_exponential_sigmas: true, sigma_max: 10 },
  { _class_name: 'DDIMScheduler', ...stable, steps_offset: 1, set_alpha_to_one: false, clip_sample: false },
  {
    _class_name: 'DDPMScheduler',
    beta_schedule: 'squaredcos_cap_v2',
    variance_type: 'fixed_large',
    thresholding: true,
  },
  { _class_name: 'FlowMatchEulerDiscreteScheduler', shift: 3, use_beta_sigmas: true },
  { _class_name: 'UniPCMultistepScheduler', ...stable, solver_type: 'bh1', final_sigmas_type: 'sigma_min' },
  { _class_name: 'PNDMScheduler', ...stable, skip_prk_steps: true, steps_offset: 1 },
];

describe('scheduler_config.json', () => {
  it.each(configs.map((config) => [JSON.stringify(config), config]))(
    '%s: read, written and read gives the same plan',
    (_, config) => {
      const sampler = fromDiffusersConfig(config as DiffusersConfig, { compat: 'none' });
      const again = fromDiffusersConfig(toDiffusersConfig(sampler), { compat: 'none' });
      expect(createPlan({ ...again, steps: 10 })).toEqual(createPlan({ ...sampler, steps: 10 }));
    },
  );

  it('says what is wrong', () => {
    expect(() => fromDiffusersConfig({})).toThrow(/_class_name must be one of DDPMScheduler.*got undefined/);
    expect(() => fromDiffusersConfig({ _class_name: 'constructor' })).toThrow(/_class_name must be one of/);
    const bad = { _class_name: 'DDIMScheduler', prediction_type: 'noise' };
    expect(() => fromDiffusersConfig(bad)).toThrow(/prediction_type must be one of epsilon.*got "noise"/);
    expect(() =>
      fromDiffusersConfig({ _class_name: 'DDPMScheduler', variance_type: 'fixed_large_log' }),
    ).toThrow(/variance_type must be one of/);
  });

  it('fails with an error of its own on any JSON', () => {
    const keys = [
      'prediction_type',
      'num_train_timesteps',
      'beta_start',
      'trained_betas',
      'solver_order',
      'sigma_min',
      'custom_timesteps',
    ];
    const config = fc.record({
      _class_name: fc.constantFrom(...diffusersClasses),
      key: fc.constantFrom(...keys),
      value: fc.jsonValue(),
    });
    fc.assert(
      fc.property(config, ({ _class_name, key, value }) => {
        try {
          createPlan({ ...fromDiffusersConfig({ _class_name, [key]: value }), steps: 3 });
        } catch (error) {
          expect((error as Error).name).toMatch(/^(Format|Option|Shape)Error$/);
        }
      }),
      { numRuns: 200, seed: 1 },
    );
  });
});

describe('names', () => {
  it('resolves every name, as people write them', () => {
    for (const name of communityNames) expect(samplerByName(name).solver.name).toBeTruthy();
    expect(samplerByName('DPM++ 2M Karras')).toMatchObject({
      solver: { name: 'dpmSolver', options: { eta: 0 } },
      grid: { name: 'karras' },
    });
    expect(samplerByName('dpmpp_2m_sde').solver.options).toMatchObject({ eta: 1, order: 2 });
    expect(samplerByName('Euler a').solver.name).toBe('eulerAncestral');
    expect(samplerByName('k_euler_ancestral').solver.name).toBe('eulerAncestral');
    expect(samplerByName('UniPC Align Your Steps').grid.name).toBe('alignYourSteps');
    expect(() => samplerByName('Eulerr')).toThrow(/name must be one of Euler a.*got 'Eulerr'/);
  });
});

describe("torch's noise", () => {
  it.each(
    reference.cases.map(
      ({ seed, sizes, bits }) => [`seed ${seed}, sizes ${sizes}`, seed, sizes, bits] as const,
    ),
  )('%s: bit for bit', (_, seed, sizes, bits) => {
    const draw = torchNormal(seed);
    for (const [i, size] of sizes.entries()) {
      expect([...new Int32Array(draw(size).buffer)]).toEqual(bits[i]);
    }
    expect([...new Int32Array(torchRandn(seed, [sizes[0]!]).buffer)]).toEqual(bits[0]);
  });

  it('as a source gives the initial state and the steps one after the other, also when asked again', () => {
    const source = torchNoise(42);
    const { bits } = reference.cases.find(({ seed, sizes }) => seed === 42 && sizes[0] === 16)!;
    const first = source(-1, [16]);
    const second = Array.from(source(0, [1, 7]));
    expect([...new Int32Array((first as Float32Array).buffer)]).toEqual(bits[0]);
    expect(Array.from(torchNoise(42)(-1, [16]))).toEqual(Array.from(first));
    expect(Array.from(source(-1, [16]))).toEqual(Array.from(first));
    expect(second).toHaveLength(7);
  });
});
