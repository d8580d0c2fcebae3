import type { BenchContext, BenchRow } from '@tfkit/bench';
import { benchRandom } from './random';
import { benchTrainingStep } from './trainingStep';

export default async function bench(context: BenchContext): Promise<BenchRow[]> {
  return [...(await benchTrainingStep(context)), ...(await benchRandom(context))];
}
