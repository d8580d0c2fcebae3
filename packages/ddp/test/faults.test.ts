import { describe, expect, it } from 'vitest';
import { checkFault, faultNames, randomFaults, runFault, timeout } from './faults';

/** What a busy machine may take to start threads and to load modules. */
const slack = 30_000;

describe('a rank of three threads that fails', () => {
  for (const [index, fault] of faultNames.entries()) {
    it(`is named by the job: it ${fault}`, { timeout: 90_000 }, async () => {
      const found = { fault, bad: index % 3, step: 5 + index };
      const { error, milliseconds } = await runFault(found);
      checkFault(found, error);
      expect(milliseconds).toBeLessThan(timeout + 5000 + slack);
    });
  }

  it('does so in random ways at random steps, 10 times in a row', { timeout: 300_000 }, async () => {
    for (const fault of randomFaults(10, 7)) checkFault(fault, (await runFault(fault)).error);
  });
});
