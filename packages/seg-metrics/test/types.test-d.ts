import { expectTypeOf, it } from 'vitest';
import {
  type AbsentClassPolicy,
  ConfusionMatrix,
  meanIou,
  parseConfusionMatrix,
  pixelAccuracy,
  type Score,
  score,
  updateLogits,
} from '../src/index';

it('a matrix takes any typed array, and says what it returns', () => {
  const matrix = new ConfusionMatrix({ numClasses: 2 });
  expectTypeOf(matrix.update(new Uint8Array(1), new BigInt64Array(1))).toEqualTypeOf<ConfusionMatrix>();
  expectTypeOf(updateLogits(matrix, new Float32Array(2), [0])).toEqualTypeOf<ConfusionMatrix>();
  expectTypeOf(parseConfusionMatrix({})).toEqualTypeOf<ConfusionMatrix>();
  expectTypeOf(matrix.counts).toEqualTypeOf<Float64Array>();
  // @ts-expect-error numClasses is needed
  new ConfusionMatrix({});
  // @ts-expect-error no such policy
  new ConfusionMatrix({ numClasses: 2, outOfRange: 'skip' });
});

it('scores are closed lists of words', () => {
  const matrix = new ConfusionMatrix({ numClasses: 2 });
  expectTypeOf(meanIou(matrix)).toEqualTypeOf<Score>();
  expectTypeOf(pixelAccuracy(matrix)).toEqualTypeOf<number>();
  expectTypeOf<AbsentClassPolicy>().toEqualTypeOf<
    | 'nan-skipped'
    | 'undefined-as-0'
    | 'undefined-as-1'
    | 'classes-in-target'
    | 'classes-in-target-or-prediction'
    | 'without-class-0'
  >();
  // @ts-expect-error no such metric
  score(matrix, 'jaccard');
  // @ts-expect-error no such policy
  score(matrix, 'iou', { policy: 'skip' });
});
