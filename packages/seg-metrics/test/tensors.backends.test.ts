import * as tf from '@tensorflow/tfjs-core';
import { describeBackends, expectNoLeak, seededUniform } from '@tfkit/test-kit';
import { expect, it } from 'vitest';
import { ConfusionMatrix, updateLogits } from '../src/index';
import { segmentationMetric, updateFromTensors } from '../src/tfjs';

const shape: [number, number, number] = [3, 37, 41];
const size = 3 * 37 * 41;
const labels = (seed: number, classes: number) =>
  Int32Array.from(seededUniform(seed, size, 0, classes), (v) => Math.floor(v));

describeBackends('updateFromTensors', (backend) => {
  it('counts class ids as the typed-array path does, ignored and out-of-range labels too', async () => {
    for (const seed of [1, 2]) {
      const [p, t] = [labels(seed, 8), labels(seed + 10, 9)];
      const options = { numClasses: 6, ignoreIndex: [7], keepImages: true };
      const expected = new ConfusionMatrix(options).update(p, t, { images: 3 });
      const predictions = tf.tensor(p, shape, 'int32');
      const targets = tf.tensor(t, shape, 'int32');
      const matrix = new ConfusionMatrix(options);
      await expectNoLeak(() => updateFromTensors(matrix, predictions, targets));
      expect(matrix.toJSON()).toEqual(expected.toJSON());
      expect(matrix.invalidTargets).toBeGreaterThan(0);
      expect(matrix.ignoredPixels).toBeGreaterThan(0);
      tf.dispose([predictions, targets]);
    }
  });

  it('takes the argmax of logits, ties to the lowest class', async () => {
    const values = Float32Array.from(seededUniform(3, size * 5), (v) => Math.round(v * 4) / 4);
    const t = labels(4, 5);
    const expected = updateLogits(new ConfusionMatrix({ numClasses: 5 }), values, t);
    const logits = tf.tensor(values, [...shape, 5]);
    const targets = tf.tensor(t, shape, 'int32');
    const matrix = await updateFromTensors(new ConfusionMatrix({ numClasses: 5 }), logits, targets);
    expect(Array.from(matrix.counts)).toEqual(Array.from(expected.counts));
    tf.dispose([logits, targets]);
  });

  it("refuses labels out of range with 'error' and counts nothing then", async () => {
    const matrix = new ConfusionMatrix({ numClasses: 2, outOfRange: 'error' });
    const ids = tf.tensor1d([0, 1, 2], 'int32');
    await expect(updateFromTensors(matrix, ids, ids)).rejects.toThrow(/must be in \[0, 1\]/);
    expect(matrix.numImages).toBe(0);
    expect(() => updateFromTensors(matrix, tf.zeros([2]), ids)).toThrow(/predictions must have shape \[3\]/);
  });

  it('streams a metric over batches: the epoch is the sum of counts, not the mean of scores', async () => {
    const miou = segmentationMetric({ numClasses: 4, ignoreIndex: 255 });
    const matrix = new ConfusionMatrix({ numClasses: 4, ignoreIndex: 255 });
    await expectNoLeak(async () => {
      miou.callback.onEpochBegin();
      for (const seed of [1, 2, 3]) {
        const scores = Float32Array.from(seededUniform(seed, 60 * 4));
        const t = Int32Array.from(seededUniform(seed + 5, 60, 0, 4.5), (v) => (v >= 4 ? 255 : Math.floor(v)));
        updateLogits(matrix, scores, t);
        miou.callback.onBatchBegin();
        tf.tidy(() => {
          const value = miou.metric(tf.tensor(t, [2, 30, 1], 'int32'), tf.tensor(scores, [2, 30, 4]));
          expect(value.shape).toEqual([]);
        });
        miou.callback.onBatchEnd();
      }
      const logs: Record<string, unknown> = {};
      await miou.callback.onEpochEnd(0, logs);
      const { training } = await miou.counts();
      expect(Array.from(training.counts)).toEqual(Array.from(matrix.counts));
      expect(Object.keys(logs)).toEqual(['meanIou']);
    });
    expect(backend).toBe(tf.getBackend());
  });
});
