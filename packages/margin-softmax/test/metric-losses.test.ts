import * as tf from '@tensorflow/tfjs-core';
import {
  batchContrastiveLoss,
  batchTripletLoss,
  centerLoss,
  circlePairLoss,
  classCenters,
  contrastiveLoss,
  enrollClasses,
  featureIncayLoss,
  marginalLoss,
  marginFreeLogits,
  predictClasses,
  rangeLoss,
  ringLoss,
  tripletLoss,
  uniformLoss,
  updateCenters,
} from '@tfkit/margin-softmax/metric-losses';
import { describeBackends, expectNoLeak } from '@tfkit/test-kit';
import { expect, it } from 'vitest';

describeBackends(
  'metric losses refuse',
  () => {
    const x = () => tf.zeros([2, 3]) as tf.Tensor2D;
    const odd = () => tf.zeros([2, 4]) as tf.Tensor2D;
    const cases: [string, () => unknown, RegExp][] = [
      [
        'a wrong rank',
        () => marginalLoss(tf.zeros([2, 3, 1]) as never, [0, 1]),
        /^marginalLoss: embeddings must have rank 2 \[batch, features\], got rank 3/,
      ],
      [
        'an empty batch',
        () => rangeLoss(tf.zeros([0, 3]) as tf.Tensor2D, []),
        /^rangeLoss: embeddings must have at least one row/,
      ],
      [
        'a wrong dtype',
        () => ringLoss(tf.zeros([2, 3], 'int32') as tf.Tensor2D, tf.scalar(1)),
        /^ringLoss: embeddings must be float32, got int32/,
      ],
      [
        'float labels',
        () => batchTripletLoss(x(), tf.tensor1d([0, 1])),
        /^batchTripletLoss: labels must be int32, got float32/,
      ],
      [
        'too few labels',
        () => batchContrastiveLoss(x(), [0]),
        /^batchContrastiveLoss: labels must have shape \[2\], got \[1\]/,
      ],
      [
        'a negative label',
        () => circlePairLoss(x(), [0, -1]),
        /^circlePairLoss: labels must be integers >= 0, got -1 at 1/,
      ],
      [
        'a label beyond the classes',
        () => centerLoss(x(), x(), [0, 2]),
        /^centerLoss: labels must be integers in \[0, 1\], got 2 at 1/,
      ],
      [
        'centres of other width',
        () => updateCenters(x(), odd(), [0, 1]),
        /^updateCenters: centers must have shape \[\*, 3\], got \[2, 4\]/,
      ],
      [
        'same beyond 1',
        () => contrastiveLoss(x(), x(), [0, 2]),
        /^contrastiveLoss: same must be integers in \[0, 1\], got 2/,
      ],
      [
        'pairs of two shapes',
        () => contrastiveLoss(x(), odd(), [0, 1]),
        /second must have the shape of first/,
      ],
      [
        'triplets of two shapes',
        () => tripletLoss(x(), x(), odd()),
        /negatives must have the shape of anchors/,
      ],
      [
        'a negative margin',
        () => tripletLoss(x(), x(), x(), { margin: -1 }),
        /^tripletLoss: margin must be a number >= 0, got -1/,
      ],
      [
        'an unknown mining',
        () => batchTripletLoss(x(), [0, 1], { mining: 'easy' as 'all' }),
        /mining must be one of 'all', 'hard', 'semi-hard', got 'easy'/,
      ],
      [
        'an unknown reduction',
        () => batchTripletLoss(x(), [0, 1], { reduction: 'none' as 'sum' }),
        /^batchTripletLoss: reduction must be one of/,
      ],
      [
        'a misspelt option',
        () => featureIncayLoss(x(), { labmda: 1 } as never),
        /^featureIncayLoss: options must be among .* got 'labmda'/,
      ],
      ['k = 0', () => rangeLoss(x(), [0, 1], { k: 0 }), /^rangeLoss: k must be an integer >= 1/],
      [
        'alpha above 1',
        () => updateCenters(x(), x(), [0, 1], { alpha: 2 }),
        /^updateCenters: alpha must be a number in \[0, 1\], got 2/,
      ],
      [
        'one class centre',
        () => uniformLoss(tf.zeros([1, 3]) as tf.Tensor2D),
        /^uniformLoss: weights must have at least two rows, got 1/,
      ],
      [
        'a radius with a shape',
        () => ringLoss(x(), tf.zeros([2]) as never),
        /^ringLoss: radius must have shape \[\], got \[2\]/,
      ],
      [
        'weights of other width',
        () => predictClasses(x(), odd()),
        /^predictClasses: weights must have shape \[\*, 3\]/,
      ],
      [
        'rows that are no multiple',
        () => marginFreeLogits(x(), tf.zeros([4, 3]) as tf.Tensor2D, { subCenters: 3 }),
        /multiple of subCenters 3 rows, got 4/,
      ],
      [
        'a bias of other length',
        () => marginFreeLogits(x(), x(), { bias: tf.zeros([3]) as tf.Tensor1D }),
        /bias must have shape \[2\], got \[3\]/,
      ],
      [
        'a new class beyond the number',
        () => enrollClasses(x(), x(), [0, 1], 1),
        /^enrollClasses: labels must be integers in \[0, 0\], got 1/,
      ],
      [
        'no classes',
        () => classCenters(x(), [0, 1], 0),
        /^classCenters: numClasses must be an integer >= 1, got 0/,
      ],
    ];

    it.each(cases)('%s, by name, without a leak', async (_, call, message) => {
      await expectNoLeak(() => expect(() => tf.tidy(() => call() as tf.Tensor)).toThrow(message));
    });
  },
  { only: ['cpu'] },
);
