import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import { findGoldenCases, readGoldenCase } from '@tfkit/test-kit/golden';
import { describe, expect, it } from 'vitest';
import adapter from './golden';

const cases = await findGoldenCases(fileURLToPath(new URL('./golden/cases', import.meta.url)));

describe('reference runs of diffusers and k-diffusion, on typed arrays in float64 and float32', () => {
  it.each(cases.map((path) => [basename(path), path]))('%s', async (_, path) => {
    expect(await adapter.check(await readGoldenCase(path, ''))).toBeUndefined();
  });

  it('fails a case whose numbers are others', async () => {
    const found = await readGoldenCase(cases.find((path) => path.endsWith('euler.json'))!, '');
    const document = structuredClone(found.document);
    document.final[0] += 1e-6;
    await expect(adapter.check({ ...found, document })).rejects.toThrow(/final\[0\] is .*expected/);
    document.config.op = 'other';
    await expect(adapter.check({ ...found, document })).rejects.toThrow(/unknown op 'other'/);
  });
});
