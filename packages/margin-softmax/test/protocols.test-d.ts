import {
  chooseThreshold,
  mateRanks,
  type RocCurve,
  retrievalScores,
  rocCurve,
  type Similarities,
  tarAtFar,
} from '@tfkit/margin-softmax/protocols';
import { expectTypeOf } from 'vitest';

expectTypeOf(rocCurve(new Float32Array(2), [true, false])).toEqualTypeOf<RocCurve>();
expectTypeOf(rocCurve([0.1, 0.2], Uint8Array.of(0, 1)).fpr).toExtend<Float64Array>();

// Any index of one's own can be searched.
const index: Similarities = { probes: 1, gallery: 2, row: () => [0.5, 0.25] };
expectTypeOf(mateRanks(index, [1, 2], [1]).ranks).toExtend<Int32Array>();
expectTypeOf(retrievalScores(index, [1, 2], [1]).mapAtR).toEqualTypeOf<number>();

declare const curve: RocCurve;
// @ts-expect-error the convention is one of three words
tarAtFar(curve, 0.01, { convention: 'linear' });
// @ts-expect-error a threshold is chosen for a FAR
chooseThreshold([0.1], [1], {});
