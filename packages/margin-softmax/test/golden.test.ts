import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describeBackends, expectNoLeak } from '@tfkit/test-kit';
import { findGoldenCases, readGoldenCase } from '@tfkit/test-kit/golden';
import { describe, expect, it } from 'vitest';
import adapter from './golden';
import { compareCase } from './golden/format';

const files = await findGoldenCases(fileURLToPath(new URL('./golden/cases', import.meta.url)));

describeBackends('reference cases', (backend) => {
  it.each(files.map((path) => [basename(path), path]))('%s', async (_, path) => {
    const goldenCase = await readGoldenCase(path, backend);
    expect(goldenCase.document.cases.length).toBeGreaterThan(0);
    await expectNoLeak(async () => expect(await adapter.check(goldenCase)).toBeUndefined());
  });
});

describe('the comparison', () => {
  const array = (data: number[]) => ({ shape: [data.length / 2, 2], dtype: 'float64' as const, data });
  const document = {
    name: 'made up',
    config: { undefined_gradient_rows: { x: [1] } },
    inputs: {},
    expected: { loss: 1, grad_x: array([1, 2, 0, 0]) },
    tolerance: { loss: { abs: 1e-3, rel: 0 }, gradients: { rel_to_max_row: 1e-2, abs: 0 }, exact: [] },
  };

  it('holds values, rows of gradients and rows that need only be finite to their tolerances', () => {
    expect(compareCase(document, { loss: 1.0005, grad_x: [1.01, 2.01, 5, 5] })).toBeUndefined();
    expect(compareCase(document, { loss: 1.01, grad_x: [1, 2, 0, 0] })).toMatch(/loss.*1.01 instead of 1/);
    expect(compareCase(document, { loss: 1, grad_x: [1, 2.1, 0, 0] })).toMatch(/grad_x.*row 0 is off/);
    expect(compareCase(document, { loss: 1, grad_x: [1, 2, NaN, 0] })).toMatch(/row 1 is not finite/);
    expect(compareCase(document, { loss: 1 })).toMatch(/grad_x was not computed/);
  });

  it('refuses an unknown op', async () => {
    const path = files.find((file) => file.includes('circle'))!;
    const found = await readGoldenCase(path, 'cpu');
    const changed = structuredClone(found.document);
    changed.cases[0].config.op = 'other';
    await expect(adapter.check({ ...found, document: changed })).rejects.toThrow(/unknown op 'other'/);
  });
});
