/**
 * The last lines of a test run: what was skipped and why, which backends are absent and the command that brings them,
 * and `N passed, N failed, N skipped`.
 */
import type { Reporter, TestModule } from 'vitest/node';
import { findTestTargets } from './availability';

export default class SummaryReporter implements Reporter {
  onTestRunEnd(modules: ReadonlyArray<TestModule>, errors: ReadonlyArray<unknown>): void {
    const count = { passed: 0, failed: errors.length, skipped: 0 };
    const skipped = new Map<string, number>();
    for (const module of modules) {
      if (module.errors().length > 0) count.failed++;
      for (const test of module.children.allTests()) {
        const result = test.result();
        const { state } = result;
        if (state === 'passed') count.passed++;
        else if (state === 'failed') count.failed++;
        else {
          count.skipped++;
          const note = 'note' in result ? result.note : undefined;
          const inTitle = /\(skipped: (.*)\)$/.exec(test.name)?.[1];
          const reason = inTitle ?? note ?? `no reason given: ${test.fullName}`;
          skipped.set(reason, (skipped.get(reason) ?? 0) + 1);
        }
      }
    }
    const absent = findTestTargets().filter(({ available }) => !available);
    console.log('');
    for (const [reason, times] of skipped) console.log(`skipped (${times}): ${reason}`);
    for (const { target, detail, install } of absent) {
      console.log(`not tested: ${target} (${detail}). Bring it with: ${install}`);
    }
    console.log(`${count.passed} passed, ${count.failed} failed, ${count.skipped} skipped`);
  }
}
