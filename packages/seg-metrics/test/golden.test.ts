import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import { findGoldenCases, readGoldenCase } from '@tfkit/test-kit/golden';
import { describe, expect, it } from 'vitest';
import adapter from './golden';
import { compareGolden } from './golden/compare';

const cases = await findGoldenCases(fileURLToPath(new URL('./golden/cases', import.meta.url)));

describe('reference cases', () => {
  it.each(cases.map((path) => [basename(path), path]))('%s', async (_, path) => {
    expect(await adapter.check(await readGoldenCase(path, 'cpu'))).toBeUndefined();
  });

  it('fails a case whose stated value is another', async () => {
    const found = await readGoldenCase(cases.find((path) => path.includes('coco_polygon'))!, 'cpu');
    const document = structuredClone(found.document);
    const area = document.expected.find(
      (entry: { metric: string; compare: boolean }) => entry.compare && entry.metric === 'mask_area',
    );
    area.values.triangle += 1;
    await expect(adapter.check({ ...found, document })).rejects.toThrow(
      /mask_area.*triangle is 139, expected 140/,
    );
    document.config.op = 'other';
    await expect(adapter.check({ ...found, document })).rejects.toThrow(/unknown op 'other'/);
  });

  it('compares NaN, infinities, nulls and keys as the format says', () => {
    const tight = { abs: 0, rel: 0 };
    expect(compareGolden([NaN, Infinity, 5], ['NaN', 'Infinity', null], tight)).toBeUndefined();
    expect(compareGolden([0], ['NaN'], tight)).toMatch(/is 0/);
    expect(compareGolden({ a: 1, b: 2 }, { a: 1 }, tight)).toMatch(/keys/);
    expect(compareGolden([1.1], [1], { abs: 0, rel: 0.05 })).toMatch(/1.1/);
  });
});
