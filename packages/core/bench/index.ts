import type { BenchContext, BenchRow } from '@tfkit/bench';
import { benchKernels } from './kernels';
import { benchRandom } from './random';
import { benchTrainingStep } from './trainingStep';

export default async function bench(context: BenchContext): Promise<BenchRow[]> {
  return [
    ...(await benchKernels(context)),
    ...(await benchTrainingStep(context)),
    ...(await benchRandom(context)),
  ];
}
