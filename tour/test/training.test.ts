import * as tf from '@tensorflow/tfjs-core';
import { describeBackends, expectGradient, expectNoLeak, seededTensor, seededUniform } from '@tfkit/test-kit';
import { describe, expect, it } from 'vitest';
import { instanceNorm } from '../src/models/instanceNorm';
import { confusionMatrix, scoresOf } from '../src/models/metrics';
import { createSegmenter, segment, segmentationLogits } from '../src/models/segmenter';
import { classWeights, trainStep, weightedCrossEntropy } from '../src/models/training';

const classes = 3;
const targetIds = [0, 2, 1, 2];
const weights = [0.5, 1, 2];

describeBackends('weightedCrossEntropy', () => {
  it('equals its formula, value and gradient', async () => {
    const targets = tf.tensor1d(targetIds, 'int32');
    const classWeight = tf.tensor1d(weights);
    await expectGradient({
      op: (logits) => weightedCrossEntropy(logits, targets, classWeight),
      inputs: [{ shape: [4, classes], data: seededUniform(1, 4 * classes, -3, 3) }],
      reference: (z) => {
        let sum = 0;
        let total = 0;
        for (const [row, id] of targetIds.entries()) {
          const logits = Array.from(z.subarray(row * classes, (row + 1) * classes));
          const logSumExp = Math.log(logits.reduce((all, logit) => all + Math.exp(logit), 0));
          sum += weights[id]! * (logSumExp - logits[id]!);
          total += weights[id]!;
        }
        return [sum / total];
      },
    });
    tf.dispose([targets, classWeight]);
  });

  it('stays finite where exp overflows float32', async () => {
    const loss = weightedCrossEntropy(
      tf.tensor2d([[500, -500, 0]]),
      tf.tensor1d([1], 'int32'),
      tf.tensor1d(weights),
    );
    expect((await loss.data())[0]).toBeCloseTo(1000, 2);
  });
});

describeBackends('instanceNorm', () => {
  it('equals its formula, value and gradient', async () => {
    const [batch, positions, channels] = [2, 6, 2];
    await expectGradient({
      op: (x) => instanceNorm(x as tf.Tensor4D),
      inputs: [{ shape: [batch, 2, 3, channels], data: seededUniform(5, batch * positions * channels) }],
      reference: (x) => {
        const y = new Float64Array(x.length);
        for (let sample = 0; sample < batch; sample++) {
          for (let channel = 0; channel < channels; channel++) {
            const at = (position: number) => (sample * positions + position) * channels + channel;
            const values = Array.from({ length: positions }, (_, position) => x[at(position)]!);
            const mean = values.reduce((sum, value) => sum + value, 0) / positions;
            const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / positions;
            for (const [position, value] of values.entries()) {
              y[at(position)] = (value - mean) / Math.sqrt(variance + 1e-5);
            }
          }
        }
        return y;
      },
    });
  });
});

describeBackends('the segmenter', () => {
  it('learns one batch by heart and leaks nothing', async () => {
    const images = seededTensor(3, [2, 16, 16, 1], 0, 1) as tf.Tensor4D;
    const targets = tf.tidy(() =>
      tf.reshape(tf.cast(tf.greater(images, 0.7), 'int32'), [2, 16, 16]),
    ) as tf.Tensor3D;
    const even = tf.ones([classes]) as tf.Tensor1D;
    const variables = createSegmenter(classes, 1);
    const optimizer = tf.train.adam(0.02);
    const step = async () => {
      const loss = trainStep(variables, optimizer, { images, targets }, even);
      const [value] = await loss.data();
      loss.dispose();
      return value!;
    };
    const first = await step();
    await expectNoLeak(async () => {
      for (let count = 0; count < 8; count++) await step();
    });
    for (let count = 0; count < 6; count++) await step();
    expect(await step()).toBeLessThan(0.5 * first);
    const ids = segment(variables, images);
    expect(ids.shape).toEqual([2, 16, 16]);
    expect(ids.dtype).toBe('int32');
    tf.dispose([ids, images, targets, even, ...Object.values(variables)]);
    optimizer.dispose();
  });

  it('gives an image the same logits alone and in a batch', async () => {
    const variables = createSegmenter(classes, 1);
    const images = seededTensor(3, [3, 16, 16, 1], 0, 1) as tf.Tensor4D;
    const together = tf.slice(segmentationLogits(variables, images), [1], [1]);
    const alone = segmentationLogits(variables, tf.slice(images, [1], [1]));
    expect(together.shape).toEqual([1, 16, 16, classes]);
    expect(await together.data()).toBeAllclose(await alone.data(), { rtol: 1e-4, atol: 1e-4 });
    tf.dispose(Object.values(variables));
  });
});

describe('classWeights', () => {
  it('are 1 / sqrt(frequency) with an average of 1 over pixels', () => {
    const targets = new Uint8Array(1000);
    targets.fill(1, 0, 10);
    const [background, digit] = classWeights(targets, 2);
    expect(digit! / background!).toBeCloseTo(Math.sqrt(991 / 11), 5);
    expect((991 * background! + 11 * digit!) / 1002).toBeCloseTo(1, 5);
  });
});

describe('scoresOf', () => {
  it('gives accuracy and IoU by hand, without classes that are absent', () => {
    const matrix = confusionMatrix(Uint8Array.of(0, 0, 1, 1, 0, 0), Uint8Array.of(0, 0, 0, 1, 1, 0), 3);
    expect([...matrix]).toEqual([3, 1, 0, 1, 1, 0, 0, 0, 0]);
    const { pixelAccuracy, iou, meanIoU } = scoresOf(matrix, 3);
    expect(pixelAccuracy).toBeCloseTo(4 / 6, 12);
    expect(iou).toEqual([3 / 5, 1 / 3, Number.NaN]);
    expect(meanIoU).toBeCloseTo((3 / 5 + 1 / 3) / 2, 12);
  });
});
