import { describeBackends } from '@tfkit/test-kit';
import { expect, it } from 'vitest';
import adapter from './golden';

// Read by Vite, so that the browser has them too.
const files = import.meta.glob('./golden/*.json', { eager: true, import: 'default' });
const cases = Object.entries(files).map(([path, document]) => ({ name: path.split('/').pop()!, document }));

describeBackends('reference cases', (backend) => {
  it.each(cases)('$name', async ({ name, document }) => {
    expect(await adapter.check({ name, document, folder: '', backend })).toBeUndefined();
  });

  it('fails a case whose stated value is another, and an op that is unknown', async () => {
    const found = cases.find(({ name }) => name.startsWith('scaling'))!;
    const document = structuredClone(found.document) as {
      expected: { z: { data: number[] } };
      config: { op: string };
    };
    document.expected.z.data[0]! += 0.01;
    const run = () => adapter.check({ name: found.name, document, folder: '', backend });
    await expect(run()).rejects.toThrow(/1 differ, the first: z/);
    document.config.op = 'other';
    await expect(run()).rejects.toThrow(/unknown op 'other'/);
  });
});
