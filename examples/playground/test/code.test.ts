/** The programs that the labs show run as they stand, and the lab's own mathematics is right. */
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { createPlan, karras, vp } from '@tfkit/diffusion-samplers';
import { heun } from '@tfkit/diffusion-samplers/solvers';
import { repositoryRoot } from '@tfkit/test-kit/availability';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { dilatedCode } from '../src/labs/dilated/code';
import { flowCode } from '../src/labs/flow/code';
import { decodePoints, encodePoints, reach, shapePoints } from '../src/labs/flow/points';
import { marginCode } from '../src/labs/margin/code';
import { maskCode } from '../src/labs/mask/code';
import { samplerCode } from '../src/labs/sampler/code';
import { energyDistance, exactStates, rmsError } from '../src/labs/sampler/exact';
import { schedulerConfig } from './files';

const run = promisify(execFile);

const sampler = { schedule: 'vp', grid: 'karras', solver: 'unipc', steps: 3, points: 4, seed: 1 };
const programs: Record<string, string> = {
  sampler: samplerCode(sampler, 'wasm'),
  'sampler from a configuration': samplerCode({ ...sampler, config: String(schedulerConfig.buffer) }, 'wasm'),
  dilated: dilatedCode({ rates: [1, 2, 5], kernelSize: 3 }, 'wasm'),
  margin: marginCode({ method: 'arcFace', margin: 0.2, scale: 16, classes: 4, steps: 21 }, 'wasm'),
  'margin, annealed': marginCode(
    { method: 'aSoftmax', margin: 0.2, scale: 16, classes: 4, steps: 2 },
    'wasm',
  ),
  mask: maskCode({ ignore: '255', tolerance: 2, spacing: 1 }, 'wasm'),
  flow: flowCode({ couplings: 2, width: 8, steps: 20, temperature: 1, seed: 1 }, 'wasm'),
};

describe('the code that a lab shows', () => {
  let folder: string;
  beforeAll(async () => {
    const cache = join(repositoryRoot, 'node_modules', '.cache');
    await mkdir(cache, { recursive: true });
    folder = await mkdtemp(join(cache, 'tfkit-playground-'));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  it.each(Object.entries(programs))('runs as it stands: %s', async (name, code) => {
    const file = join(folder, `${name.replace(/\W/g, '-')}.mjs`);
    await writeFile(file, code);
    const { stdout } = await run(process.execPath, [file], { cwd: folder, timeout: 60_000 });
    expect(stdout).not.toBe('');
    expect(stdout).not.toMatch(/NaN/);
  });
});

describe('the exact solution of the sampler lab', () => {
  it('does not change when its own steps are halved', async () => {
    const schedule = vp();
    const plan = createPlan({ schedule, grid: karras(), prediction: 'sample', solver: heun(), steps: 8 });
    const x = Float64Array.from({ length: 32 }, (_, i) => 2 * Math.sin(7 * i));
    const [coarse, fine] = [await exactStates(plan, schedule, x), await exactStates(plan, schedule, x, 400)];
    expect(rmsError(coarse.at(-1)!, fine.at(-1)!)).toBeLessThan(1e-6);
  });

  it('has energy distance 0 from itself and more from a shifted copy', () => {
    const points = shapePoints('ring', 50);
    expect(energyDistance(points, points)).toBeCloseTo(0, 12);
    expect(
      energyDistance(
        points,
        points.map((value) => value + 1),
      ),
    ).toBeGreaterThan(0.5);
  });
});

describe('points in an address', () => {
  it('come back to a quarter of a per cent of the plane, and nonsense gives none', () => {
    const points = shapePoints('moons', 40);
    expect(rmsError(decodePoints(encodePoints(points)), points)).toBeLessThan(0.005 * reach);
    expect(decodePoints('%').length).toBe(0);
  });
});
