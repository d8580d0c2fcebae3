import * as tf from '@tensorflow/tfjs-core';
import { installWebGPU } from '@tfkit/test-kit/node-backends';
import { afterEach, describe, expect, inject, it, vi } from 'vitest';
import { type BackendLoader, webgpuLoader } from '../src/backends/loader';
import { selectBackend } from '../src/backends/select';

/** tfjs has no call that unsets the backend; a program that has set none is what most of these tests need. */
function forgetBackend(): void {
  const engine = tf.engine() as unknown as { backendName: string | null; backendInstance: unknown };
  engine.backendName = null;
  engine.backendInstance = null;
}

afterEach(() => {
  vi.unstubAllEnvs();
  forgetBackend();
});

const failing = (name: BackendLoader['name'], message: string): BackendLoader => ({
  name,
  engineName: name,
  packages: [`@tensorflow/tfjs-backend-${name}`],
  load: async () => {
    throw new Error(message);
  },
});

describe('selectBackend', () => {
  it('takes the first that works and says why each other one was passed over', async () => {
    const { name, tried } = await selectBackend({
      backends: [failing('webgpu', 'no WebGPU adapter was found.')],
    });
    const outcome = Object.fromEntries(tried.map((attempt) => [attempt.name, attempt]));
    expect(tried.at(-1)).toMatchObject({ name, ok: true, install: '' });
    expect(name).toBe('wasm');
    expect(tf.getBackend()).toBe('wasm');
    expect(outcome['tensorflow-gpu']?.install).toBe('npm install @tensorflow/tfjs-node-gpu');
    expect(outcome.webgpu?.reason).toBe('no WebGPU adapter was found');
    expect(outcome.cpu).toBeUndefined();
  });

  it('tries the preferred ones first', async () => {
    expect((await selectBackend({ prefer: 'cpu' })).name).toBe('cpu');
    forgetBackend();
    const { name, tried } = await selectBackend({ prefer: ['webgl', 'cpu'] });
    expect(name).toBe('cpu');
    expect(tried[0]).toMatchObject({ name: 'webgl', ok: false });
    expect(tried[0]?.install).toContain("import { webgl } from '@tfkit/core/backends/webgl'");
  });

  it('leaves a backend that the program set', async () => {
    await import('@tensorflow/tfjs-backend-cpu');
    await tf.setBackend('cpu');
    expect(await selectBackend({ prefer: 'wasm' })).toEqual({ name: 'cpu', tried: [] });
  });

  it('replaces it by a required one, and puts it back when that fails', async () => {
    await tf.setBackend('cpu');
    expect((await selectBackend({ require: 'wasm' })).name).toBe('wasm');
    await tf.setBackend('cpu');
    await expect(selectBackend({ require: 'webgl' })).rejects.toMatchObject({
      name: 'BackendError',
      message: expect.stringContaining("selectBackend: the required backend 'webgl' is not available"),
    });
    expect(tf.getBackend()).toBe('cpu');
  });

  it('obeys TFKIT_BACKEND', async () => {
    vi.stubEnv('TFKIT_BACKEND', 'cpu');
    expect((await selectBackend({ require: 'wasm' })).name).toBe('cpu');
    vi.stubEnv('TFKIT_BACKEND', 'quantum');
    await expect(selectBackend()).rejects.toThrow(
      "selectBackend: the environment variable TFKIT_BACKEND must be one of 'tensorflow-gpu', 'tensorflow', 'webgpu', 'webgl', 'wasm', 'cpu', got 'quantum'.",
    );
  });

  it('refuses misspelt names and options', async () => {
    await expect(selectBackend({ require: 'gpu' as 'cpu' })).rejects.toMatchObject({ name: 'OptionError' });
    await expect(selectBackend({ prefer: 'gpu' as 'cpu' })).rejects.toMatchObject({ name: 'OptionError' });
    await expect(selectBackend({ prefers: 'cpu' } as never)).rejects.toMatchObject({ name: 'OptionError' });
  });

  const webgpu = inject('backends').find(({ name }) => name === 'webgpu');
  const title = 'passes over a software WebGPU adapter unless it is required';
  it.skipIf(!webgpu?.available)(
    webgpu?.available ? title : `${title} (skipped: absent, brought by: ${webgpu?.install})`,
    async () => {
      const backends = [webgpuLoader(() => import('@tensorflow/tfjs-backend-webgpu'), installWebGPU)];
      const { name, tried } = await selectBackend({ prefer: 'webgpu', backends });
      expect(name).toBe('wasm');
      expect(tried[0]).toMatchObject({ name: 'webgpu', ok: false });
      expect(tried[0]?.reason).toMatch(/renders in software \(.*swiftshader.*\)/i);
      forgetBackend();
      expect((await selectBackend({ require: 'webgpu', backends })).name).toBe('webgpu');
      expect(
        (tf.backend() as unknown as { device: GPUDevice }).device.limits.maxStorageBuffersPerShaderStage,
      ).toBeGreaterThan(8);
    },
  );
});
