import type { BenchContext, BenchRow } from '@tfkit/bench';
import { benchHead } from './head';
import { benchProtocols } from './protocols';

export default async function bench(context: BenchContext): Promise<BenchRow[]> {
  return [...(await benchHead(context)), ...(await benchProtocols(context))];
}
