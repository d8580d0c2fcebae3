/** Golden adapter: cases of the format in the reference data's README. Each op of it has a function in goldenOps. */
import type { GoldenAdapter } from '@tfkit/test-kit/golden';
import { compareAllclose } from '@tfkit/test-kit/matchers';
import type { Computed, GoldenArray } from './goldenOps/case';
import type { Row } from './goldenOps/densities';
import { ops } from './goldenOps/index';

const adapter: GoldenAdapter = {
  async check({ document }) {
    const { config, inputs, expected, tolerance, format } = document;
    if (format !== 1) throw new Error(`unknown format ${format}`);
    const compute = ops[config.op];
    if (!compute) throw new Error(`unknown op '${config.op}'`);
    const computed: Record<string, Computed> = await compute(config, inputs, expected);
    const faults = Object.entries(expected as Record<string, GoldenArray | Row[]>).flatMap(
      ([name, value]) => {
        const actual = computed[name];
        if (!actual) return [`${name} was not computed`];
        const wanted = Array.isArray(value) ? rowsArray(value) : value;
        const fault = compare(
          actual,
          wanted,
          name.startsWith('grad.') ? tolerance.gradients : tolerance.values,
        );
        return fault ? [`${name}: ${fault}`] : [];
      },
    );
    if (faults.length > 0) throw new Error(`${faults.length} differ, the first: ${faults[0]}`);
    return undefined;
  },
};

/** The two results of each row. */
function rowsArray(rows: readonly Row[]): GoldenArray {
  const data = rows.flatMap((row) => [row.bitsPerDim, row.logLikelihoodInIntegerUnits]);
  return { shape: [rows.length, 2], data };
}

function compare(
  actual: Computed,
  expected: GoldenArray,
  tolerance: { rel?: number; abs?: number; relToMax?: number },
): string | undefined {
  if (tolerance.relToMax === undefined) {
    return compareAllclose(actual, expected, { rtol: tolerance.rel, atol: tolerance.abs });
  }
  const largest = expected.data.reduce((most, value) => Math.max(most, Math.abs(value)), 1e-6);
  return compareAllclose(actual, expected, { rtol: 0, atol: tolerance.relToMax * largest });
}

export default adapter;
