/** The typed-array path beside the tensors', in both layouts, and a PSPNet head between arrays. */
import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import { seededTensor, seededUniform, valuesOf } from '@tfkit/test-kit';
import { beforeAll, describe, expect, it } from 'vitest';
import * as spp from '../src/index';
import * as typed from '../src/typed';

beforeAll(() => tf.setBackend('cpu'));

const channelsFirst = (x: tf.Tensor) => {
  const axes = [0, x.rank - 1, ...Array.from({ length: x.rank - 2 }, (_, i) => i + 1)];
  return tf.transpose(x, axes);
};
const mapOf = (x: tf.Tensor): typed.TypedMap => ({ data: x.dataSync() as Float32Array, dims: x.shape });
const flat = ({ data, dims }: typed.TypedMap) => ({ shape: dims, data });

describe('typed', () => {
  it('adaptive pools equal those of tensors, in one to three axes and both layouts', async () => {
    for (const [shape, bins] of [
      [[2, 11, 3], [4]],
      [
        [2, 7, 5, 3],
        [3, 6],
      ],
      [
        [1, 4, 5, 3, 2],
        [2, 3, 2],
      ],
    ] as const) {
      const x = seededTensor(1, [...shape]);
      const { result, indexes } = spp.adaptiveMaxPoolWithArgmax(x, bins);
      const pools = [spp.adaptiveAvgPool1d, spp.adaptiveAvgPool2d, spp.adaptiveAvgPool3d];
      const average = pools[shape.length - 3]!(x as never, bins) as tf.Tensor;
      const [first, last] = [mapOf(channelsFirst(x)), mapOf(x)];
      const exact = { rtol: 0, atol: 0 };
      expect(flat(typed.adaptiveMaxPool(first, bins))).toBeAllclose(
        await valuesOf(channelsFirst(result)),
        exact,
      );
      const nhwc = typed.adaptiveMaxPoolWithArgmax(last, bins, { layout: 'NHWC' });
      expect(flat(nhwc.result)).toBeAllclose(await valuesOf(result), exact);
      expect(Array.from(nhwc.indexes)).toEqual(Array.from(indexes.dataSync()));
      expect(flat(typed.adaptiveAvgPool(first, bins))).toBeAllclose(await valuesOf(channelsFirst(average)));
      expect(flat(typed.adaptiveAvgPool(last, bins, { layout: 'NHWC' }))).toBeAllclose(
        await valuesOf(average),
      );
    }
  });

  it('pyramids equal those of tensors in either order', async () => {
    const x = seededTensor(2, [2, 9, 7, 3]);
    for (const mode of ['max', 'avg'] as const) {
      for (const order of ['channel-major', 'channel-minor'] as const) {
        const expected = await valuesOf(spp.spatialPyramidPool(x, { levels: [1, 2, 3], mode, order }));
        const options = { levels: [1, 2, 3], mode, order };
        const first = typed.spatialPyramidPool(mapOf(channelsFirst(x)), options);
        const last = typed.spatialPyramidPool(mapOf(x), { ...options, layout: 'NHWC' });
        expect(flat(first)).toBeAllclose(expected);
        expect(flat(last)).toBeAllclose(expected);
      }
    }
  });

  it('a PSPNet-like head over a backbone whose map comes as arrays equals that of tensors', async () => {
    const x = seededTensor(3, [2, 7, 9, 4]) as tf.Tensor4D;
    for (const alignCorners of [true, false]) {
      const kernels = [0, 1, 2, 3].map((i) => Float32Array.from(seededUniform(10 + i, 4 * 2)));
      const bias = Float32Array.of(0.1, -0.1);
      const expected = spp.pyramidPoolingModule(
        x,
        kernels.map((kernel) => ({ kernel: tf.tensor4d(kernel, [1, 1, 4, 2]), bias: tf.tensor1d(bias) })),
        { alignCorners },
      );
      const last = typed.pyramidPoolingModule(
        mapOf(x),
        kernels.map((kernel) => ({ kernel, bias })),
        {
          alignCorners,
          layout: 'NHWC',
        },
      );
      expect(flat(last)).toBeAllclose(await valuesOf(expected), { rtol: 1e-4, atol: 1e-5 });
      const turned = kernels.map((kernel) => ({
        kernel: tf.transpose(tf.tensor2d(kernel, [4, 2])).dataSync() as Float32Array,
        bias,
      }));
      const first = typed.pyramidPoolingModule(mapOf(channelsFirst(x)), turned, { alignCorners });
      expect(flat(first)).toBeAllclose(await valuesOf(channelsFirst(expected)), { rtol: 1e-4, atol: 1e-5 });
    }
  });

  it('refuses what is no map', () => {
    const data = new Float32Array(12);
    expect(() => typed.adaptiveMaxPool({ data: [1] as never, dims: [1, 1, 1, 1] }, 1)).toThrow(
      /x.data must be a Float32Array/,
    );
    expect(() => typed.adaptiveMaxPool({ data, dims: [1, 5, 2, 2] }, 1)).toThrow(
      /x.dims must be the sizes of 12 numbers/,
    );
    expect(() => typed.spatialPyramidPool({ data, dims: [12] })).toThrow(/3, 4 or 5 sizes/);
    expect(() => typed.adaptiveAvgPool({ data, dims: [1, 3, 2, 2] }, 0)).toThrow(
      /bins must be an integer >= 1/,
    );
    expect(() => typed.pyramidPoolingModule({ data, dims: [1, 3, 2, 2] }, [])).toThrow(/weights must be one/);
  });
});
