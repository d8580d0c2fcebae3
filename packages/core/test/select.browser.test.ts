import * as tf from '@tensorflow/tfjs-core';
import { expect, it } from 'vitest';
import { cpu } from '../src/backends/cpu';
import { selectBackend } from '../src/backends/select';
import { webgl } from '../src/backends/webgl';
import { webgpu } from '../src/backends/webgpu';

it('in a browser takes only the loaders it is given, and passes over software GPUs', async () => {
  const { name, tried } = await selectBackend({ backends: [webgpu, webgl, cpu] });
  expect(name).toBe('cpu');
  expect(tried.map((attempt) => attempt.name)).toEqual(['webgpu', 'webgl', 'cpu']);
  for (const { reason } of tried.slice(0, 2))
    expect(reason).toMatch(/renders in software \(.*swiftshader.*\)/i);
});

it.each([
  ['webgl', webgl],
  ['webgpu', webgpu],
] as const)('takes %s in software when it is required', async (require, loader) => {
  expect((await selectBackend({ require, backends: [loader] })).name).toBe(require);
  const sum = tf.add(1, 2);
  expect((await sum.data())[0]).toBe(3);
});

it('names the import that brings a loader', async () => {
  await expect(selectBackend({ require: 'wasm' })).rejects.toThrow(
    "import { wasm } from '@tfkit/core/backends/wasm' and pass {backends: [wasm]}",
  );
});
