/** Maps of two sizes become vectors of one length, with gradients; boxes become regions. */
import * as tf from '@tensorflow/tfjs-core';
import { key } from '@tfkit/core';
import { ensureGradients, ensureKernels, randomNormal } from '@tfkit/core/tfjs';
import { roiAlign, spatialPyramidPool, sppLength } from '@tfkit/spp';

export async function job(): Promise<string> {
  await ensureGradients();
  await ensureKernels();
  const length = sppLength(8, [1, 2, 4]);
  for (const size of [13, 20]) {
    const [vector, gradient, regions] = tf.tidy(() => {
      const map = randomNormal(key(size), [2, size, size + 3, 8]) as tf.Tensor4D;
      const pool = (x: tf.Tensor) => spatialPyramidPool(x, { levels: [1, 2, 4] });
      const boxes = [
        [0, 10, 20, 90, 100],
        [1, 0, 0, 64, 32],
      ];
      return [
        pool(map),
        tf.grad((x: tf.Tensor) => tf.sum(pool(x)))(map),
        roiAlign(map, boxes, { outputSize: 7, spatialScale: 1 / 8 }),
      ] as const;
    });
    const given = Array.from(await gradient.data()).reduce((sum, value) => sum + value, 0);
    const shapes = `${vector.shape} ${gradient.shape} ${regions.shape}`;
    tf.dispose([vector, gradient, regions]);
    // Each of the 2 x 168 maxima hands its 1 to one cell.
    if (Math.abs(given - 2 * length) > 1e-3) throw new Error(`spp: the gradient sums to ${given}`);
    const expected = `2,${length} 2,${size},${size + 3},8 2,7,7,8`;
    if (shapes !== expected) throw new Error(`spp: shapes ${shapes}, expected ${expected}`);
  }
  return `vectors of ${length}`;
}
