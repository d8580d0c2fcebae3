/** Golden adapter: cases of the format in the reference data's README (closed lists of ops and options). */
import type { GoldenAdapter } from '@tfkit/test-kit/golden';
import { engineOps } from './golden/engine';
import type { GoldenOp } from './golden/format';
import { metricLossOps } from './golden/metric-losses';
import { protocolOps } from './golden/protocols';

const ops: Readonly<Record<string, GoldenOp>> = { ...engineOps, ...metricLossOps, ...protocolOps };

const adapter: GoldenAdapter = {
  async check({ document, backend }) {
    if (document.format !== 1) throw new Error(`unknown format ${document.format}`);
    const faults: string[] = [];
    for (const goldenCase of document.cases) {
      const op = ops[goldenCase.config.op];
      if (!op) throw new Error(`${goldenCase.name}: unknown op '${goldenCase.config.op}'`);
      try {
        const { compareCase } = await import('./golden/format');
        const fault = compareCase(goldenCase, await op(goldenCase, backend));
        if (fault) faults.push(`${goldenCase.name}: ${fault}`);
      } catch (error) {
        faults.push(`${goldenCase.name}: ${(error as Error).message}`);
      }
    }
    if (faults.length > 0) throw new Error(`${faults.length} cases differ: ${faults.join('; ')}`);
    return undefined;
  },
};

export default adapter;
