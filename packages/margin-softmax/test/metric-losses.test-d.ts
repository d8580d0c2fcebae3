import type * as tf from '@tensorflow/tfjs-core';
import {
  batchTripletLoss,
  type ClassPredictions,
  centerLoss,
  mineTriplets,
  predictClasses,
  ringLoss,
  updateCenters,
} from '@tfkit/margin-softmax/metric-losses';
import { expectTypeOf } from 'vitest';

declare const x: tf.Tensor2D;
declare const labels: tf.Tensor1D;

expectTypeOf(batchTripletLoss(x, labels)).toEqualTypeOf<tf.Scalar>();
expectTypeOf(batchTripletLoss(x, [0, 1], { mining: 'hard' })).toEqualTypeOf<tf.Scalar>();
expectTypeOf(centerLoss(x, x, Int32Array.of(1))).toEqualTypeOf<tf.Tensor>();
expectTypeOf(updateCenters(x, x, labels)).toEqualTypeOf<tf.Tensor2D>();
expectTypeOf(predictClasses(x, x)).toEqualTypeOf<ClassPredictions>();
expectTypeOf(mineTriplets(x, labels)).resolves.toHaveProperty('anchors');

// @ts-expect-error no such mining
batchTripletLoss(x, labels, { mining: 'easy' });
// @ts-expect-error a batch loss has no value for each triplet
batchTripletLoss(x, labels, { reduction: 'none' });
// @ts-expect-error labels are class ids, not one-hot rows
centerLoss(x, x, x);
// @ts-expect-error the radius is a tensor, so that it can be learned
ringLoss(x, 1);
