import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { requiredTargets } from '../src/availability';
import { describeBackends, throwWebGPUErrors } from '../src/backends';
import { type GoldenAdapter, runGolden } from '../src/golden';
import { expectGradient, expectNoLeak, seededNormal, seededUniform, useBackend } from '../src/index';

describe('the checks catch what they exist for', () => {
  beforeAll(() => useBackend('cpu'));

  it('expectGradient fails on a planted wrong gradient', async () => {
    const wrong = tf.customGrad((x) => ({
      value: tf.square(x as tf.Tensor),
      gradFunc: (dy: tf.Tensor) => tf.mul(dy, 3),
    }));
    const check = expectGradient({
      op: (x) => wrong(x!),
      reference: (x) => x!.map((v) => v * v),
      inputs: [{ shape: [2], data: [1, 2] }],
    });
    await expect(check).rejects.toThrow('gradient of input 0');
  });

  it('expectNoLeak fails on a leak, and on a leak behind an error', async () => {
    const kept: tf.Tensor[] = [];
    await expect(expectNoLeak(() => void kept.push(tf.scalar(1)))).rejects.toThrow('tensors leaked');
    const leaky = () => {
      kept.push(tf.scalar(1));
      throw new Error('broken');
    };
    await expect(expectNoLeak(leaky)).rejects.toThrow(/1 tensors leaked by a call that threw: Error: broken/);
    tf.dispose(kept);
  });

  it('seeded inputs are the same everywhere, and distributed as they say', () => {
    expect([...seededUniform(1, 3)]).toEqual([...seededUniform(1, 3)]);
    expect([...seededUniform(1, 3)]).not.toEqual([...seededUniform(2, 3)]);
    const normal = seededNormal(3, 20_000);
    const mean = normal.reduce((sum, value) => sum + value, 0) / normal.length;
    const variance = normal.reduce((sum, value) => sum + (value - mean) ** 2, 0) / normal.length;
    expect([mean, variance]).toBeAllclose([0, 1], { rtol: 0, atol: 0.03 });
  });

  it('TFKIT_REQUIRE_BACKENDS takes known names only', () => {
    expect(requiredTargets('cpu, browser')).toEqual(['cpu', 'browser']);
    expect(() => requiredTargets('gpu')).toThrow("got 'gpu'");
  });
});

describeBackends(
  'a shader that does not compile',
  () => {
    it('is counted though nothing throws', async () => {
      const { device } = tf.backend() as unknown as { device: GPUDevice };
      device.createShaderModule({ code: 'this is no WGSL' });
      await expect(throwWebGPUErrors()).rejects.toThrow(/1 WebGPU errors/);
    });
  },
  { only: ['webgpu'] },
);

describe('runGolden', () => {
  const folder = mkdtempSync(join(tmpdir(), 'tfkit-golden-'));
  afterAll(() => rmSync(folder, { recursive: true }));

  it('runs any folder of cases and tells passed, failed and skipped apart', async () => {
    writeFileSync(join(folder, 'README.md'), 'not a case');
    writeFileSync(join(folder, 'index.json'), '[]');
    writeFileSync(join(folder, 'a.json'), '{"op": "add", "expected": 3}');
    writeFileSync(join(folder, 'b.json'), '{"op": "add", "expected": 4}');
    writeFileSync(join(folder, 'c.json'), '{"op": "wide"}');
    writeFileSync(join(folder, 'd.json'), '{broken');
    const adapter: GoldenAdapter = {
      check: async ({ document }) => {
        if (document.op === 'wide') return { skip: 'needs float64' };
        expect(1 + 2).toBe(document.expected);
        return undefined;
      },
    };
    const results = await runGolden(adapter, folder, 'cpu');
    expect(results.map(({ name, outcome }) => `${name} ${outcome}`)).toEqual([
      'a.json passed',
      'b.json failed',
      'c.json skipped',
      'd.json failed',
    ]);
    expect(results[2]?.reason).toBe('needs float64');
  });
});
