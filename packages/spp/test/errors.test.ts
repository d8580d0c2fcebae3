/** What is refused, in which words; and what needs no backend: lengths, edges, paper windows, conventions of boxes. */
import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import * as spp from '../src/index';

beforeAll(() => tf.setBackend('cpu'));

describe('lengths and edges', () => {
  it('the length is channels times the bins of all levels', () => {
    expect(spp.sppLength(256, [1, 2, 4])).toBe(21 * 256);
    expect(spp.sppLength(1, [1, 2, 3, 6])).toBe(50);
    expect(spp.sppLength(1, [1, 2, 4], 3)).toBe(73);
    expect(spp.sppLength(2, [[1, 3], 2])).toBe(14);
  });

  it('bins cover every cell, never one outside, and are exact where a float product is not', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 1e9 }), fc.integer({ min: 1, max: 64 }), (size, n) => {
        const bins = spp.adaptiveBins(size, n);
        expect([bins[0]!.start, bins.at(-1)!.end]).toEqual([0, size]);
        bins.forEach(({ start, end }, i) => {
          expect(BigInt(start)).toBe((BigInt(i) * BigInt(size)) / BigInt(n));
          expect(BigInt(end)).toBe((BigInt(i + 1) * BigInt(size) + BigInt(n - 1)) / BigInt(n));
        });
      }),
    );
  });

  it('of 222 sizes and bins the paper windows fail for 77 and equal the adaptive bins for 145', () => {
    const rows = [1, 2, 3, 4, 6, 8].flatMap((bins) =>
      Array.from({ length: 41 - bins }, (_, i) => spp.paperWindows(bins + i, bins)),
    );
    const count = (test: (row: spp.PaperWindows) => boolean) => rows.filter(test).length;
    expect(rows.length).toBe(222);
    expect(count(({ producesBins }) => !producesBins)).toBe(32);
    expect(count(({ producesBins, coversAll }) => producesBins && !coversAll)).toBe(45);
    expect(count(({ sameAsAdaptive }) => sameAsAdaptive)).toBe(145);
    expect(rows.every(({ coversAll, sameAsAdaptive }) => coversAll === sameAsAdaptive)).toBe(true);
  });
});

describe('conventions of boxes', () => {
  const box = [[3, 20, 10, 60, 50]];

  it('are converted one into another and back', () => {
    const formats = ['xyxy', 'yxyx', 'xywh', 'cxcywh'] as const;
    const units = ['pixels', 'normalized', 'corners'] as const;
    for (const to of formats) {
      for (const toUnit of units) {
        const there = spp.convertBoxes(box, { from: 'xyxy', to, toUnit, imageSize: [80, 100] });
        const back = spp.convertBoxes(there, {
          from: to,
          to: 'xyxy',
          fromUnit: toUnit,
          imageSize: [80, 100],
        });
        back[0]!.forEach((value, i) => {
          expect(value).toBeCloseTo(box[0]![i]!, 10);
        });
      }
    }
    expect(spp.convertBoxes(box, { from: 'xyxy', to: 'cxcywh' })).toEqual([[3, 40, 30, 40, 40]]);
    expect(
      spp.convertBoxes(box, { from: 'xyxy', to: 'yxyx', toUnit: 'normalized', imageSize: [80, 100] }),
    ).toEqual([[3, 0.125, 0.2, 0.625, 0.6]]);
    const tensor = spp.convertBoxes(tf.tensor2d(box), { from: 'xyxy', to: 'xywh' });
    expect(Array.from(tensor.dataSync())).toEqual([3, 20, 10, 40, 40]);
    expect(spp.withImageIds([[[1, 2, 3, 4]], [], [[5, 6, 7, 8]]])).toEqual([
      [0, 1, 2, 3, 4],
      [2, 5, 6, 7, 8],
    ]);
  });

  it('a box in units of corners is what cropAndResize samples', () => {
    const x = tf.tensor4d(
      Float32Array.from({ length: 30 }, (_, i) => i * i),
      [1, 5, 6, 1],
    );
    const corners = [[0.1, 0.2, 0.8, 0.9]];
    const crop = tf.image.cropAndResize(x, tf.tensor2d(corners), tf.tensor1d([0], 'int32'), [1, 1]);
    const [pixels] = spp.convertBoxes(corners, {
      from: 'yxyx',
      to: 'xyxy',
      fromUnit: 'corners',
      imageSize: [5, 6],
    });
    // One bin, one sample: the middle of the box, as cropAndResize takes it for a crop of one pixel.
    const pooled = spp.roiAlign(x, [pixels!], { outputSize: 1, samplingRatio: 1 });
    expect(pooled.dataSync()[0]).toBeCloseTo(crop.dataSync()[0]!, 3);
  });
});

describe('errors', () => {
  const map = () => tf.zeros([2, 4, 4, 3]) as tf.Tensor4D;
  const cases: [string, () => unknown, RegExp][] = [
    [
      'rank',
      () => spp.adaptiveMaxPool2d(tf.zeros([4, 4, 3]) as never, 2),
      /adaptiveMaxPool2d: x must have rank 4 \[batch, height, width, channels\], got rank 3/,
    ],
    [
      'dtype',
      () => spp.adaptiveAvgPool2d(tf.zeros([1, 2, 2, 1], 'bool') as never, 2),
      /x must be float32 or int32, got bool/,
    ],
    ['bins', () => spp.adaptiveMaxPool2d(map(), 0), /bins must be an integer >= 1, got 0/],
    [
      'bins of two axes',
      () => spp.adaptiveMaxPool2d(map(), [1, 2, 3]),
      /bins must be an integer or 2 of them, got \[1, 2, 3\]/,
    ],
    [
      'no levels',
      () => spp.spatialPyramidPool(map(), { levels: [] }),
      /levels must be a list of at least one level/,
    ],
    [
      'a misspelt option',
      () => spp.spatialPyramidPool(map(), { level: [1] } as never),
      /options must be among levels/,
    ],
    [
      'mode',
      () => spp.spatialPyramidPool(map(), { mode: 'mean' as never }),
      /mode must be one of 'max', 'avg', got 'mean'/,
    ],
    ['an empty list', () => spp.spatialPyramidPool([]), /x must be a map or a list of at least one/],
    [
      'lists that disagree',
      () => spp.spatialPyramidPool([map(), tf.zeros([1, 4, 4, 2])]),
      /x\[1\] must have the rank and the 3 channels/,
    ],
    ['empty maps', () => spp.spatialPyramidPool(tf.zeros([1, 0, 4, 2])), /x must have at least one cell/],
    [
      'paper windows of another number',
      () => spp.spatialPyramidPool(tf.zeros([1, 7, 7, 1]), { levels: [4], windows: 'paper' }),
      /windows must be 'adaptive' for 7 cells in 4 bins, got 'paper', whose windows give 6 windows/,
    ],
    [
      'paper windows that miss cells',
      () => spp.spatialPyramidPool(tf.zeros([1, 8, 8, 1]), { levels: [3], windows: 'paper' }),
      /leave out the last cells/,
    ],
    [
      'a missing stride',
      () => spp.sppWindow(map(), [[0, 0, 0, 1, 1]], {}),
      /stride must be a number > 0, got undefined/,
    ],
    [
      'a NaN box',
      () => spp.roiPool(map(), [[0, NaN, 0, 1, 1]], { outputSize: 2 }),
      /boxes\[0\] must be finite, got \[0, NaN/,
    ],
    [
      'an infinite box',
      () => spp.sppWindow(map(), [[0, 0, 0, Infinity, 1]], { stride: 2 }),
      /boxes\[0\] must be finite/,
    ],
    [
      'an image that is not there',
      () => spp.roiAlign(map(), [[2, 0, 0, 1, 1]], { outputSize: 2 }),
      /boxes\[0\]\[0\] must be the number of an image in \[0, 1\], got 2/,
    ],
    [
      'boxes without images',
      () => spp.roiAlign(map(), [[0, 0, 1, 1]], { outputSize: 2 }),
      /boxes\[0\] must have 5 numbers/,
    ],
    [
      'a tensor of boxes',
      () => spp.roiAlign(map(), tf.zeros([3, 4]), { outputSize: 2 }),
      /boxes must have shape \[\*, 5\]/,
    ],
    ['flat boxes', () => spp.roiAlign(map(), new Float32Array(7), { outputSize: 2 }), /rows of 5 numbers/],
    [
      'format',
      () => spp.roiAlign(map(), [], { outputSize: 2, boxFormat: 'xywh' as never }),
      /boxFormat must be one of 'xyxy', 'yxyx'/,
    ],
    [
      'sampling',
      () => spp.roiAlign(map(), [], { outputSize: 2, samplingRatio: 0 }),
      /samplingRatio must be an integer in \[1, 64\], got 0/,
    ],
    [
      'scale',
      () => spp.roiAlign(map(), [], { outputSize: 2, spatialScale: 0 }),
      /spatialScale must be a number > 0/,
    ],
    [
      'scales',
      () => spp.multiScaleRoiAlign([map(), map()], [], { outputSize: 2, spatialScales: [0.25, 0.2] }),
      /descending powers of 2/,
    ],
    [
      'maps and scales',
      () => spp.multiScaleRoiAlign([map()], [], { outputSize: 2, spatialScales: [0.5, 0.25] }),
      /maps must be as many as spatialScales/,
    ],
    [
      'an even kernel',
      () => spp.yoloSpp(map(), { kernels: [4] }),
      /kernels\[0\] must be an odd integer >= 1, got 4. An even window has no middle/,
    ],
    [
      'missing weights',
      () => spp.sppfBlock(map(), {} as never),
      /weights must have 'cv1', 'cv2', each with a kernel/,
    ],
    [
      'weights that do not fit',
      () =>
        spp.pyramidPoolingModule(map(), [{ kernel: tf.zeros([1, 1, 5, 1]) as tf.Tensor4D }], { bins: [1] }),
      /kernel must have shape \[\*, \*, 3, \*\], got \[1, 1, 5, 1\]/,
    ],
    [
      'weights and bins',
      () => spp.pyramidPoolingModule(map(), []),
      /weights must be one convolution for each of bins \[1, 2, 3, 6\]/,
    ],
    [
      'units without a size',
      () => spp.convertBoxes([[0, 0, 1, 1]], { from: 'xyxy', to: 'yxyx', toUnit: 'normalized' }),
      /imageSize must be \[height, width\]/,
    ],
    [
      'short rows',
      () => spp.convertBoxes([[0, 0, 1]], { from: 'xyxy', to: 'yxyx' }),
      /boxes\[0\] must hold rows of at least 4 numbers/,
    ],
  ];

  it.each(cases)('%s', (_, run, message) => {
    const before = tf.memory().numTensors;
    let error: unknown;
    tf.tidy(() => {
      try {
        run();
      } catch (thrown) {
        error = thrown;
      }
      return [];
    });
    expect(String((error as Error)?.message)).toMatch(message);
    expect((error as Error).name).toMatch(/^(Shape|Option|DType|Value)Error$/);
    expect(tf.memory().numTensors).toBe(before);
  });
});
