/** The example programs that join two packages through core's `Collective`: the same result on one rank and on two. */
import { fileURLToPath } from 'node:url';
import { mpiLauncher } from '@tfkit/test-kit/availability';
import { describe, expect, it } from 'vitest';
import { bin, run } from './mpi';

const example = (name: string) =>
  fileURLToPath(new URL(`../../../examples/${name}/main.mjs`, import.meta.url));
const openmpi = mpiLauncher('openmpi');

/** Output of a program on one rank, on two threads and, where it is, over MPI. */
async function outputs(name: string): Promise<string[]> {
  const script = example(name);
  const commands = [
    [process.execPath, script],
    [process.execPath, bin, 'run', '-n', '2', '--no-prefix', script],
    ...(openmpi ? [[...openmpi.command, '-n', '2', process.execPath, script]] : []),
  ];
  const texts: string[] = [];
  for (const command of commands) {
    const { code, output } = await run(command);
    expect(code, output).toBe(0);
    texts.push(/^ranks: .*$/m.exec(output)![0]);
  }
  return texts;
}

describe('examples', { timeout: 120_000 }, () => {
  it('class-parallel-head: the loss does not depend on how many ranks share the centres', async () => {
    const texts = await outputs('class-parallel-head');
    expect(texts[0]).toContain('ranks: 1, 20 of 20 centres');
    for (const text of texts.slice(1)) expect(text).toContain('ranks: 2, 10 of 20 centres');
    const losses = texts.map((text) => text.match(/\d+\.\d{4}/g)!.map(Number));
    expect(losses[0]![1]).toBeLessThan(0.5 * losses[0]![0]!);
    for (const other of losses.slice(1)) {
      for (const i of [0, 1]) expect(Math.abs(other[i]! - losses[0]![i]!)).toBeLessThan(5e-4);
    }
  });

  it('merged-metrics: the mean IoU is that of all images', async () => {
    const texts = await outputs('merged-metrics');
    const scores = texts.map((text) => /mean IoU (0\.\d{6})/.exec(text)![1]);
    expect(new Set(scores).size).toBe(1);
    // The ranks' own scores differ from it, and from one another.
    const [first, second] = /by rank (\S+), (\S+)/.exec(texts[1]!)!.slice(1).map(Number);
    expect(Math.abs(first! - second!)).toBeGreaterThan(0.005);
  });
});
