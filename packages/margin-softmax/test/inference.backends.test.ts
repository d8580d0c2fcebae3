import * as tf from '@tensorflow/tfjs-core';
import {
  classCenters,
  enrollClasses,
  marginFreeLogits,
  predictClasses,
} from '@tfkit/margin-softmax/metric-losses';
import { describeBackends, expectNoLeak, seededTensor } from '@tfkit/test-kit';
import { expect, it } from 'vitest';

describeBackends('inference', () => {
  it('gives scale * cos + bias, whatever the norms', async () => {
    const embeddings = tf.tensor2d([3e15, 4e15, 0, 1e-15], [2, 2]);
    const weights = tf.tensor2d([1, 0, 0, 7, -2, 0], [3, 2]);
    const logits = await expectNoLeak(
      () => marginFreeLogits(embeddings, weights, { scale: 10, bias: tf.keep(tf.tensor1d([0, 1, 0])) }),
      2,
    );
    expect(logits).toBeDefined();
    expect({ shape: logits.shape, data: await logits.data() }).toBeAllclose(
      [
        [6, 9, -6],
        [0, 11, 0],
      ],
      { atol: 1e-4 },
    );
  });

  it('gives x W^T for softmax heads', async () => {
    const embeddings = tf.tensor2d([1, 2], [1, 2]);
    const weights = tf.tensor2d([3, 4, 5, 6], [2, 2]);
    const raw = marginFreeLogits(embeddings, weights, {
      normalizeEmbeddings: false,
      normalizeWeights: false,
    });
    expect(Array.from(await raw.data())).toEqual([11, 17]);
  });

  it.each([1, 3])(
    'predicts the class of the largest logit over several chunks, %i sub-centres',
    async (subCenters) => {
      const batch = 40;
      const classes = 90;
      const embeddings = seededTensor(1, [batch, 4]) as tf.Tensor2D;
      const weights = seededTensor(2, [classes * subCenters, 4]) as tf.Tensor2D;
      const { classes: ids, logits } = await expectNoLeak(
        () => predictClasses(embeddings, weights, { subCenters, chunk: 13 }),
        2,
      );
      expect(ids.dtype).toBe('int32');
      const all = marginFreeLogits(embeddings, weights, { subCenters });
      const expected = await tf.argMax(all, 1).data();
      expect(Array.from(await ids.data())).toEqual(Array.from(expected));
      expect(Array.from(await logits.data())).toBeAllclose(Array.from(await tf.max(all, 1).data()), {
        rtol: 1e-5,
      });
    },
  );

  it('takes the lowest class of equal logits', async () => {
    const { classes } = predictClasses(tf.tensor2d([1, 0], [1, 2]), tf.tensor2d([2, 0, 1, 0], [2, 2]));
    expect(Array.from(await classes.data())).toEqual([0]);
  });

  it('recognises classes that were enrolled after training, and still the old ones', async () => {
    const weights = tf.tensor2d([4, 0, 0, 0, 4, 0], [2, 3]);
    const embeddings = tf.tensor2d([0, 0.1, 1, 0.1, 0, 5, 1, 1, 0.2], [3, 3]);
    const enrolled = await expectNoLeak(() => enrollClasses(weights, embeddings, [0, 0, 1], 2), 1);
    expect(enrolled.shape).toEqual([4, 3]);
    const norms = await tf.norm(enrolled, 2, 1).data();
    expect(Array.from(norms)).toBeAllclose([4, 4, 4, 4], { rtol: 1e-5 });
    const queries = tf.tensor2d([0.9, 0.1, 0, 0, 1, 0.1, 0, 0, 2, 3, 3, 0], [4, 3]);
    const { classes } = predictClasses(queries, enrolled);
    expect(Array.from(await classes.data())).toEqual([0, 1, 2, 3]);
    const twice = enrollClasses(weights, embeddings, [0, 0, 0], 1, { subCenters: 2 });
    expect(twice.shape).toEqual([4, 3]);
  });

  it('makes the centre the normalised mean of normalised examples; zero without any', async () => {
    const centers = classCenters(tf.tensor2d([2, 0, 0, 100], [2, 2]), [2, 2], 3);
    const half = Math.SQRT1_2;
    expect({ shape: centers.shape, data: await centers.data() }).toBeAllclose([
      [0, 0],
      [0, 0],
      [half, half],
    ]);
  });
});
