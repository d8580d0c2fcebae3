import { describe, expect, it } from 'vitest';
import { canvasSize, drawCanvases } from '../src/data/canvases';
import { loadMnist } from '../src/data/mnist';

const size = canvasSize ** 2;
const digits = await loadMnist('test');

describe('drawCanvases', () => {
  it('gives the same canvases for the same seed, others for another', () => {
    const first = drawCanvases(digits, 4, 7);
    expect(drawCanvases(digits, 4, 7)).toEqual(first);
    expect(drawCanvases(digits, 4, 8).images).not.toEqual(first.images);
  });

  it('draws a canvas that does not depend on how many are drawn', () => {
    const long = drawCanvases(digits, 5, 7);
    const short = drawCanvases(digits, 2, 7);
    expect(long.images.subarray(0, 2 * size)).toEqual(short.images);
    expect(long.images.subarray(0, size)).not.toEqual(long.images.subarray(size, 2 * size));
  });

  it('marks one to three digits, each of a class from 1 to 10, all classes over many canvases', () => {
    const { targets } = drawCanvases(digits, 200, 3);
    const seen = new Set<number>();
    for (let start = 0; start < targets.length; start += size) {
      const classes = new Set(targets.subarray(start, start + size));
      expect(classes.has(0)).toBe(true);
      expect(classes.size).toBeGreaterThanOrEqual(2);
      expect(classes.size).toBeLessThanOrEqual(4);
      for (const id of classes) seen.add(id);
    }
    expect([...seen].sort((a, b) => a - b)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
  });

  it('marks bright pixels, and leaves other bright ones to the background as clutter', () => {
    const { images, targets } = drawCanvases(digits, 100, 3);
    let clutter = 0;
    let dim = 0;
    for (const [pixel, target] of targets.entries()) {
      if (target > 0 && images[pixel]! < 60) dim++;
      if (target === 0 && images[pixel]! > 150) clutter++;
    }
    expect(dim).toBe(0);
    expect(clutter).toBeGreaterThan(0.2 * targets.filter((target) => target > 0).length);
  });
});
