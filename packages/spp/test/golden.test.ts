import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describeBackends } from '@tfkit/test-kit';
import { findGoldenCases, readGoldenCase } from '@tfkit/test-kit/golden';
import { expect, it } from 'vitest';
import adapter from './golden';

const cases = await findGoldenCases(fileURLToPath(new URL('./golden/cases', import.meta.url)));

describeBackends('reference cases', (backend) => {
  it.each(cases.map((path) => [basename(path), path]))('%s', async (_, path) => {
    expect(await adapter.check(await readGoldenCase(path, backend))).toBeUndefined();
  });
});

describeBackends(
  'the adapter',
  () => {
    it('fails a case whose value, gradient or op is another', async () => {
      const found = await readGoldenCase(cases.find((path) => path.includes('spp_124_max_9x7'))!, 'cpu');
      const altered = async (change: (document: typeof found.document) => void) => {
        const document = structuredClone(found.document);
        change(document);
        return adapter.check({ ...found, document });
      };
      await expect(altered(({ expected }) => (expected.vector.data[3] += 0.01))).rejects.toThrow(/vector/);
      await expect(altered(({ expected }) => (expected.gradX.data[0] += 1))).rejects.toThrow(/gradX/);
      await expect(altered(({ config }) => (config.op = 'other'))).rejects.toThrow(/unknown op 'other'/);
    });
  },
  { only: ['cpu'] },
);
