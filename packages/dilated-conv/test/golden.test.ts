import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describeBackends, expectNoLeak } from '@tfkit/test-kit';
import { findGoldenCases, readGoldenCase } from '@tfkit/test-kit/golden';
import { expect, it } from 'vitest';
import adapter from './golden';

const cases = await findGoldenCases(fileURLToPath(new URL('./golden', import.meta.url)));

describeBackends('reference cases', (backend) => {
  it.each(cases.map((path) => [basename(path), path]))('%s', async (_, path) => {
    await expectNoLeak(async () => {
      expect(await adapter.check(await readGoldenCase(path, backend))).toBeUndefined();
    });
  });

  it('fails a case whose stated value is another', async () => {
    const found = await readGoldenCase(cases.find((path) => path.includes('conv1d_k3_d2_causal'))!, backend);
    const document = structuredClone(found.document);
    document.expected.gradX.data[3] += 0.01;
    await expect(adapter.check({ ...found, document })).rejects.toThrow(/1 differ, the first: gradX/);
    document.config.op = 'other';
    await expect(adapter.check({ ...found, document })).rejects.toThrow(/unknown op 'other'/);
  });
});
