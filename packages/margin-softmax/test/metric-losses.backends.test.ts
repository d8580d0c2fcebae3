import * as tf from '@tensorflow/tfjs-core';
import {
  batchContrastiveLoss,
  batchTripletLoss,
  centerLoss,
  circlePairLoss,
  contrastiveLoss,
  correctlyClassified,
  featureIncayLoss,
  marginalLoss,
  mineTriplets,
  rangeLoss,
  rangeLossParts,
  ringLoss,
  tripletLoss,
  uniformLoss,
  updateCenters,
} from '@tfkit/margin-softmax/metric-losses';
import {
  describeBackends,
  expectGradient,
  expectNoLeak,
  type GradientCheck,
  seededNormal,
} from '@tfkit/test-kit';
import { expect, it } from 'vitest';
import { squaredDistances } from '../src/metric-losses/gradients';
import { pairMasks } from '../src/metric-losses/masks';
import { tripletSums } from '../src/metric-losses/tripletSums';
import * as reference from './references';

const labels = [0, 0, 0, 1, 1, 2, 3, 1];
const features = 5;
const x = { shape: [labels.length, features], data: seededNormal(3, labels.length * features) };
const y = { shape: [labels.length, features], data: seededNormal(4, labels.length * features) };
const z = { shape: [labels.length, features], data: seededNormal(5, labels.length * features) };
const rows = (data: ArrayLike<number>) => reference.rowsOf(data, features);
const units = (data: ArrayLike<number>) => rows(data).map(reference.unit);
const matrix = (tensor: tf.Tensor | undefined) => tensor as tf.Tensor2D;
const sum = (values: readonly number[]) => values.reduce((a, b) => a + b, 0);
const float64 = (data: ArrayLike<number>) => Float64Array.from(Float32Array.from(data));

/** Every loss with the float64 reference whose finite differences its gradient has to equal. */
const checks: Record<string, GradientCheck> = {
  'contrastiveLoss, none': {
    op: (a, b) =>
      contrastiveLoss(matrix(a), matrix(b), [1, 0, 1, 0, 1, 0, 1, 0], {
        negativeMargin: 4,
        reduction: 'none',
      }),
    reference: (a, b) =>
      rows(a!).map((row, i) =>
        reference.contrastive(reference.norm(row.map((value, k) => value - rows(b!)[i]![k]!)), i % 2 === 0, {
          ...{ form: 'squared-hinge', positive: 0, negative: 4 },
        }),
      ),
    inputs: [x, y],
  },
  'batchContrastiveLoss, squared hinge': {
    op: (a) => batchContrastiveLoss(matrix(a), labels, { positiveMargin: 0.5, negativeMargin: 4 }),
    reference: (a) => [
      reference.batchContrastive(rows(a!), labels, { form: 'squared-hinge', positive: 0.5, negative: 4 }),
    ],
    inputs: [x],
  },
  'batchContrastiveLoss, linear hinge per part': {
    op: (a) =>
      batchContrastiveLoss(matrix(a), labels, {
        ...{ form: 'linear-hinge', normalize: true, negativeMargin: 1.3, reduction: 'mean-nonzero-per-part' },
      }),
    reference: (a) => [
      reference.batchContrastive(
        units(a!),
        labels,
        { form: 'linear-hinge', positive: 0, negative: 1.3 },
        reference.reducers['mean-nonzero'],
      ),
    ],
    inputs: [x],
  },
  'tripletLoss, euclidean': {
    op: (a, p, n) =>
      tripletLoss(matrix(a), matrix(p), matrix(n), { margin: 0.7, distance: 'euclidean', reduction: 'none' }),
    reference: (a, p, n) => {
      const [us, vs, ws] = [units(a!), units(p!), units(n!)];
      const between = (u: number[], v: number[]) => reference.norm(u.map((value, k) => value - v[k]!));
      return us.map((u, i) => Math.max(0, between(u, vs[i]!) - between(u, ws[i]!) + 0.7));
    },
    inputs: [x, y, z],
  },
  centerLoss: {
    op: (a, c) => centerLoss(matrix(a), matrix(c), labels, { reduction: 'none' }),
    reference: (a, c) =>
      rows(a!).map((row, i) => sum(row.map((value, k) => (value - rows(c!)[labels[i]!]![k]!) ** 2)) / 2),
    inputs: [x, y],
  },
  rangeLoss: {
    op: (a) => rangeLoss(matrix(a), labels, { k: 2, margin: 30, alpha: 0.3, beta: 0.2 }),
    reference: (a) => [reference.range(rows(a!), labels, { k: 2, margin: 30, alpha: 0.3, beta: 0.2 })],
    inputs: [x],
  },
  marginalLoss: {
    op: (a) => marginalLoss(matrix(a), labels),
    reference: (a) => [reference.marginal(rows(a!), labels, 1.2, 0.3)],
    inputs: [x],
  },
  ringLoss: {
    op: (a, r) => ringLoss(matrix(a), r as tf.Scalar, { lambda: 0.5, reduction: 'none' }),
    reference: (a, r) => rows(a!).map((row) => 0.25 * (reference.norm(row) - r![0]!) ** 2),
    inputs: [x, { shape: [], data: [1.5] }],
  },
  featureIncayLoss: {
    op: (a) =>
      tf.tidy(() => {
        const correct = tf.tensor1d([1, 0, 1, 1, 0, 0, 1, 1]);
        return featureIncayLoss(matrix(a), { lambda: 2, eps: 1e-3, reduction: 'sum', correct });
      }),
    reference: (a) => [
      2 *
        sum(
          rows(a!)
            .filter((_, i) => [1, 0, 1, 1, 0, 0, 1, 1][i])
            .map((row) => 1 / (reference.norm(row) ** 2 + 1e-3)),
        ),
    ],
    inputs: [x],
  },
  uniformLoss: {
    op: (a) => uniformLoss(matrix(a), { lambda: 3 }),
    reference: (a) => [3 * reference.uniform(rows(a!))],
    inputs: [x],
  },
  circlePairLoss: {
    op: (a) => circlePairLoss(matrix(a), labels, { gamma: 8, reduction: 'none' }),
    reference: (a) => reference.circlePair(rows(a!), rows(float64(x.data)), labels, 0.4, 8),
    inputs: [x],
  },
};
for (const mining of ['all', 'hard', 'semi-hard'] as const) {
  for (const reduction of ['mean', 'sum', 'mean-nonzero'] as const) {
    const euclidean = reduction === 'sum';
    const margin = 0.8;
    checks[`batchTripletLoss, ${mining}, ${reduction}`] = {
      op: (a) =>
        batchTripletLoss(matrix(a), labels, {
          ...{ mining, reduction, margin, distance: euclidean ? 'euclidean' : 'squared-euclidean' },
        }),
      reference: (a) => [
        reference.batchTriplet(units(a!), labels, {
          ...{ mining, margin, euclidean, reduce: reference.reducers[reduction] },
        }),
      ],
      inputs: [x],
    };
  }
}

describeBackends('metric losses', () => {
  it.each(Object.entries(checks))(
    '%s equals its formula, its gradient the finite differences, and no tensor is left',
    async (_, check) => {
      await expectNoLeak(() => expectGradient({ ...check, tolerance: 5e-4 }));
    },
  );

  const coincident = Float32Array.from({ length: 6 * 3 }, (_, i) => (i < 9 ? [0.3, -0.5, 0.2][i % 3]! : 0));
  const few = [0, 0, 1, 1, 2, 2];
  const onEdges: Record<string, (a: tf.Tensor2D) => tf.Tensor> = {
    contrastive: (a) => batchContrastiveLoss(a, few, { form: 'linear-hinge' }),
    'contrastive, normalized': (a) => batchContrastiveLoss(a, few, { normalize: true }),
    triplet: (a) => batchTripletLoss(a, few, { mining: 'all', distance: 'euclidean' }),
    'hard triplet': (a) => batchTripletLoss(a, few, { mining: 'hard' }),
    range: (a) => rangeLoss(a, few),
    marginal: (a) => marginalLoss(a, few),
    ring: (a) => ringLoss(a, tf.scalar(1)),
    incay: (a) => featureIncayLoss(a),
    uniform: (a) => uniformLoss(a),
    circle: (a) => circlePairLoss(a, few),
    center: (a) => centerLoss(a, a, few),
  };

  it.each(Object.entries(onEdges))(
    '%s is finite, with its gradient, at coincident and zero rows',
    async (_, op) => {
      const { value, grad } = tf.valueAndGrad((a: tf.Tensor) => op(a as tf.Tensor2D))(
        tf.tensor2d(coincident, [6, 3]),
      );
      expect(Array.from(await value.data()).every(Number.isFinite)).toBe(true);
      expect(Array.from(await grad.data()).every(Number.isFinite)).toBe(true);
    },
  );

  it('is 0 with gradient 0 for batches that hold no pair, triplet or second class', async () => {
    const one = tf.tensor2d([1, 2, 3], [1, 3]);
    const sameClass = tf.tensor2d([1, 2, 3, 4], [2, 2]);
    for (const loss of [
      (a: tf.Tensor) => batchContrastiveLoss(matrix(a), [0]),
      (a: tf.Tensor) => batchTripletLoss(matrix(a), [0]),
      (a: tf.Tensor) => batchTripletLoss(matrix(a), [0], { mining: 'hard' }),
      (a: tf.Tensor) => marginalLoss(matrix(a), [0]),
      (a: tf.Tensor) => rangeLoss(matrix(a), [0]),
      (a: tf.Tensor) => circlePairLoss(matrix(a), [0]),
    ]) {
      const { value, grad } = tf.valueAndGrad(loss)(one);
      expect(Math.abs((await value.data())[0]!)).toBe(0);
      expect(Array.from(await grad.data(), Math.abs)).toEqual([0, 0, 0]);
    }
    const parts = rangeLossParts(sameClass, [7, 7]);
    expect(Math.abs((await parts.inter.data())[0]!)).toBe(0);
    expect((await parts.intra.data())[0]).toBeCloseTo(8, 4);
  });

  it('takes coincident pairs of a class as range 0, with the gradient of the limit', async () => {
    // Two pairs of the triple have distance 4, one 0: the 3 largest have harmonic mean 0.
    const a = tf.tensor2d([0, 0, 0, 0, 2, 0], [3, 2]);
    const { intra } = rangeLossParts(a, [0, 0, 0], { k: 3 });
    expect((await intra.data())[0]).toBe(0);
    const two = rangeLossParts(a, [0, 0, 0], { k: 2 });
    expect((await two.intra.data())[0]).toBeCloseTo(4, 4);
  });

  it('keeps the centres of absent classes and moves the others as the paper says', async () => {
    const embeddings = tf.tensor2d([2, 0, 4, 0, 0, 6], [3, 2]);
    const centers = tf.tensor2d([0, 0, 1, 1, 0, 0], [3, 2]);
    const updated = await expectNoLeak(() => updateCenters(embeddings, centers, [0, 0, 2]), 1);
    // Class 0: 0 + 0.5 (2 + 4) / 3; class 2: 0 + 0.5 * 6 / 2.
    expect(Array.from(await updated.data())).toEqual([1, 0, 1, 1, 0, 1.5]);
    const byCount = updateCenters(embeddings, centers, [0, 0, 2], { alpha: 1, rule: 'count' });
    expect(Array.from(await byCount.data())).toEqual([3, 0, 1, 1, 0, 6]);
  });

  it.each(['all', 'hard', 'semi-hard'] as const)(
    'mines the triplets that the loss uses: %s',
    async (mining) => {
      const embeddings = tf.tensor2d(Float32Array.from(x.data), x.shape as [number, number]);
      const mined = await expectNoLeak(() => mineTriplets(embeddings, labels, { mining, margin: 0.8 }));
      expect(mined.anchors.length).toBeGreaterThan(2);
      const part = (index: Int32Array) => tf.gather(embeddings, tf.tensor1d(index, 'int32'));
      const given = tripletLoss(part(mined.anchors), part(mined.positives), part(mined.negatives), {
        margin: 0.8,
      });
      const batch = batchTripletLoss(embeddings, tf.tensor1d(labels, 'int32'), { mining, margin: 0.8 });
      expect((await batch.data())[0]).toBeCloseTo((await given.data())[0]!, 4);
    },
  );

  it.each(['all', 'semi-hard'] as const)(
    'sums %s triplets alike, whatever the number of anchors at a time',
    async (mining) => {
      const embeddings = tf.tensor2d(Float32Array.from(x.data), x.shape as [number, number]);
      const results = [1, 150, 2 ** 22].map((elements) => {
        const masks = pairMasks(tf.tensor1d(labels, 'int32'));
        return tripletSums(squaredDistances(embeddings), masks, 0.8, mining, elements);
      });
      for (const key of ['loss', 'count', 'nonzero', 'slopes'] as const) {
        const [one, some, all] = await Promise.all(results.map((result) => result[key].data()));
        expect(one).toBeAllclose(all!);
        expect(some).toBeAllclose(all!);
      }
    },
  );

  it('marks the samples whose largest logit is at their label', async () => {
    const logits = tf.tensor2d([1, 3, 2, 5, 5, 0], [2, 3]);
    expect(Array.from(await correctlyClassified(logits, [1, 1]).data())).toEqual([1, 0]);
  });
});
