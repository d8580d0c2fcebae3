import { key } from '@tfkit/core';
import { describe, expect, it } from 'vitest';
import { bitsPerDim, dequantize, integerLogLikelihood, quantize } from '../src/index';
import { placeInCells } from '../src/quantization';

describe('bits per dimension', () => {
  it('converts the figures of NICE as the literature quotes them', () => {
    expect(bitsPerDim(1980.5, { dims: 784, levels: 256 })).toBeCloseTo(4.36, 2);
    // The paper's CIFAR-10 figure is of data on [-1, 1]: on [0, 1] the same number would mean one bit more.
    expect(bitsPerDim(5371.78, { dims: 3072, levels: 256, range: [-1, 1] })).toBeCloseTo(4.48, 2);
    expect(bitsPerDim(5371.78, { dims: 3072, levels: 256 })).toBeCloseTo(5.48, 2);
  });

  it('does not depend on the interval that a density is moved to', () => {
    const onUnit = bitsPerDim(100, { dims: 50, levels: 8 });
    const moved = 100 - 50 * Math.log(3);
    expect(bitsPerDim(moved, { dims: 50, levels: 8, range: [-1, 2] })).toBeCloseTo(onUnit, 12);
    expect(integerLogLikelihood(100, { dims: 50, levels: 8 })).toBeCloseTo(100 - 50 * Math.log(8), 12);
  });

  it('is log2(levels) for uniform data', () => {
    expect(bitsPerDim(0, { dims: 10, levels: 256 })).toBe(8);
  });
});

describe('dequantize', () => {
  const values = Uint8Array.from({ length: 512 }, (_, i) => i >> 1);
  it.each([[[0, 1]], [[-1, 1]], [[-0.5, 0.5]], [[0, 256]]] as const)(
    'is undone by quantize on %j',
    (range) => {
      const quantization = { levels: 256, range };
      const x = dequantize(values, quantization, key(3));
      expect(quantize(x, quantization)).toEqual(values);
      expect(Math.min(...x)).toBeGreaterThanOrEqual(range[0]);
      expect(Math.max(...x)).toBeLessThan(range[1]);
    },
  );

  it('stays below the upper end for the largest noise', () => {
    for (const range of [
      [0, 1],
      [-1, 1],
      [-1, 0],
    ] as const) {
      const [x] = placeInCells('test', [255], { levels: 256, range }, [1 - 2 ** -24]);
      expect(x).toBeLessThan(range[1]);
      expect(x).toBeGreaterThan(range[1] - 1e-6);
    }
  });

  it.each([-1, 256, 0.5, NaN])('refuses %d', (value) => {
    expect(() => dequantize([1, value], { levels: 256 }, key(0))).toThrow(
      /^dequantize: values must be integers in \[0, 256\), got .* at 1/,
    );
  });

  it('quantize takes samples from outside to the nearest cell', () => {
    expect([...quantize([-3, 0, 0.5, 1, 7, NaN], { levels: 4 })]).toEqual([0, 0, 2, 3, 3, 0]);
    expect(quantize([0.5], { levels: 1024 })).toEqual(Int32Array.of(512));
  });
});
