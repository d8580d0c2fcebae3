/** What only the wasm backend has: memory that grows, a backend that goes and comes back, kernels that stay away. */
import * as tf from '@tensorflow/tfjs-core';
import { describeBackends, seededTensor, valuesOf } from '@tfkit/test-kit';
import { expect, it } from 'vitest';
import { conv2dFilterGradient } from '../src/gradients/conv2d';
import { conv2d } from '../src/kernels/wasm/conv2d';
import { moduleFor, type WasmBackend } from '../src/kernels/wasm/instance';
import { ensureKernels, linearCombination } from '../src/tfjs';

const backend = () => tf.backend() as unknown as WasmBackend;
const gradient = () => {
  const x = seededTensor(1, [1, 6, 6, 3]) as tf.Tensor4D;
  const dy = seededTensor(2, [1, 6, 6, 5]) as tf.Tensor4D;
  const attributes = { strides: [1, 1], dilations: [2, 2], pad: 'same' } as const;
  return conv2dFilterGradient({ x, dy }, { ...attributes, filterShape: [3, 3, 3, 5] });
};

describeBackends(
  'wasm kernels',
  () => {
    it('are ours, on the memory of tfjs', () => {
      const module = moduleFor(backend());
      expect(module?.memory.buffer.byteLength).toBeGreaterThan(0);
      expect(module?.threads).toBe(1);
      const x = seededTensor(1, [1, 4, 4, 2]);
      const filter = seededTensor(2, [3, 3, 2, 2]);
      const attributes = { strides: 1, pad: 'same', dilations: 2 };
      expect(conv2d({ x, filter }, attributes, backend())).toBeDefined();
    });

    it('go on after the memory has grown', async () => {
      const before = moduleFor(backend())!.memory.buffer.byteLength;
      const expected = await valuesOf(gradient());
      const sum = await valuesOf(linearCombination([1, 2], [tf.ones([5]), tf.ones([5])]));
      const large = [0, 1, 2].map(() => tf.zeros([before / 4]));
      expect(moduleFor(backend())!.memory.buffer.byteLength).toBeGreaterThan(before);
      expect(await valuesOf(gradient())).toEqual(expected);
      const grown = linearCombination([1, 2], [tf.ones([5]), tf.ones([5])]);
      expect(await valuesOf(grown)).toEqual(sum);
      tf.dispose(large);
    });

    it('fall back to the compositions where the module cannot be had', async () => {
      const expected = await valuesOf(gradient());
      const real = backend().wasm;
      // A build of tfjs that hides its memory, as a fresh backend object over the same data.
      const hidden = Object.create(tf.backend()) as WasmBackend;
      Object.defineProperty(hidden, 'wasm', { value: { ...real, asm: undefined, wasmMemory: undefined } });
      expect(moduleFor(hidden)).toBeUndefined();
      const kernel = tf.getKernel('TfkitConv2DBackpropFilter', 'wasm')!;
      const x = seededTensor(1, [1, 6, 6, 3]);
      const dy = seededTensor(2, [1, 6, 6, 5]);
      const attrs = { strides: [1, 1], dilations: [2, 2], pad: 'same', filterShape: [3, 3, 3, 5] };
      const composed = kernel.kernelFunc({ inputs: { x, dy }, attrs, backend: hidden }) as tf.Tensor;
      expect(await valuesOf(composed)).toBeAllclose(expected, { rtol: 1e-4, atol: 1e-5 });
    });

    it('leave int32 and what they do not cover to the stock kernels', async () => {
      const x = tf.ones([1, 3, 3, 1]) as tf.Tensor4D;
      const w = tf.ones([3, 3, 1, 1]) as tf.Tensor4D;
      const sigmoid = tf.fused.conv2d({ x, filter: w, strides: 1, pad: 'valid', activation: 'sigmoid' });
      expect(await valuesOf(sigmoid)).toBeAllclose({ shape: [1, 1, 1, 1], data: [1 / (1 + Math.exp(-9))] });
      const ids = tf.tensor1d([0, 0, 1], 'int32');
      const sums = tf.unsortedSegmentSum(tf.tensor1d([1, 2, 3], 'int32'), ids, 2);
      expect(await valuesOf(sums)).toBeAllclose({ shape: [2], data: [3, 3] });
    });

    it('take hold again after the backend was removed and registered anew', async () => {
      const expected = await valuesOf(gradient());
      const factory = tf.findBackendFactory('wasm');
      const old = moduleFor(backend());
      tf.removeBackend('wasm');
      tf.registerBackend('wasm', factory, 2);
      await tf.setBackend('wasm');
      await tf.ready();
      await ensureKernels();
      expect(moduleFor(backend())).toBeDefined();
      expect(moduleFor(backend())).not.toBe(old);
      expect(await valuesOf(gradient())).toEqual(expected);
    });

    it('take hold again after another copy registered the stock kernels over them', async () => {
      const ours = tf.getKernel('Conv2D', 'wasm')!;
      const stock = (ours as { beneath?: tf.KernelConfig }).beneath!;
      tf.unregisterKernel('Conv2D', 'wasm');
      tf.registerKernel(stock);
      await ensureKernels();
      const again = tf.getKernel('Conv2D', 'wasm') as { beneath?: tf.KernelConfig };
      expect(again).not.toBe(stock);
      expect(again.beneath).toBe(stock);
      // Nothing of ours lies under ours.
      const product = tf.getKernel('BatchMatMul', 'wasm') as { beneath?: object };
      expect('beneath' in (product.beneath ?? {})).toBe(false);
    });
  },
  { only: ['wasm'] },
);
