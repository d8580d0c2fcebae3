import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { mpiLauncher } from '@tfkit/test-kit/availability';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { refusal, TwoHosts } from './hosts';
import { bin, run } from './mpi';
import { rankFile } from './ranks';

const absent = mpiLauncher('openmpi')
  ? refusal()
  : 'openmpi is absent, brought by: npm run setup:backends -- openmpi';

if (absent) it.skip(`two hosts of network namespaces (skipped: ${absent})`);
else describe('two hosts of network namespaces', { timeout: 120_000 }, testHosts);

function testHosts(): void {
  let hosts: TwoHosts;
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tfkit-two-hosts-'));
    hosts = new TwoHosts();
  });
  afterAll(async () => {
    hosts.close();
    await rm(folder, { recursive: true, force: true });
  });

  const commandOf = (ranks: number, backend: string, options: string[], script: string, args: string[]) => {
    const job = ['-n', String(ranks), '--backend', backend, '--hosts', hosts.addresses.join()];
    const program = [fileURLToPath(rankFile(script)), ...args];
    return [process.execPath, bin, 'run', ...job, '--mpirun', hosts.mpirun, ...options, ...program];
  };
  const onHosts = (ranks: number, backend: string, script: string, ...args: string[]) =>
    run(commandOf(ranks, backend, [], script, args));

  for (const [ranks, backend] of [
    [1, 'threads'],
    [2, 'threads'],
    [2, 'processes'],
  ] as const) {
    it(`train with ${ranks} ranks as ${backend} on each as one host does with all of them`, async () => {
      const name = `${backend}-${ranks}`;
      const results = [`${name}-hosts.json`, `${name}-host.json`].map((file) => join(folder, file)) as [
        string,
        string,
      ];
      const two = await onHosts(ranks, backend, 'twoHosts', results[0]);
      expect(two.code, two.output).toBe(0);
      const script = fileURLToPath(rankFile('twoHosts'));
      const one = await run([process.execPath, bin, 'run', '-n', String(2 * ranks), script, results[1]]);
      expect(one.code, one.output).toBe(0);
      const [found, expected] = await Promise.all(
        results.map(async (file) => JSON.parse(await readFile(file, 'utf8'))),
      );
      // Two machines, as the operating system names them.
      expect(new Set(found.hosts)).toEqual(new Set(hosts.names));
      expect(found.backend).toBe('mpi');
      expect(found.size).toBe(expected.size);
      expect(found.values).toHaveLength(expected.values.length);
      for (const [i, value] of expected.values.entries())
        expect(Math.abs(found.values[i] - value)).toBeLessThan(1e-5);
    });
  }

  it('end within the time-out when one is cut off, and name it', async () => {
    let cutAt = 0;
    const command = commandOf(1, 'threads', ['--timeout', '3'], 'steady', []);
    const { code, output } = await run(command, {}, 90_000, (text) => {
      if (cutAt > 0 || !text.includes('rank 1 is at work')) return;
      cutAt = performance.now();
      hosts.cutOff(1);
    });
    const milliseconds = performance.now() - cutAt;
    hosts.plugIn(1);
    expect(output).toMatch(
      new RegExp(
        `timed out after 3 s in no\\. \\d+: allReduce .* of rank 0: rank 1 on the host ${hosts.names[1]} cannot be reached`,
      ),
    );
    expect(code).toBe(1);
    // The time-out, 2 s for an answer, and what mpirun is given to notice.
    expect(milliseconds).toBeLessThan(3000 + 2000 + 8000 + 10_000);
  });

  it('hide the time of a slow link behind the backward pass', { timeout: 240_000 }, async () => {
    hosts.limit(400);
    try {
      const times: Record<string, number[]> = { true: [], false: [] };
      for (let round = 0; round < 2; round++) {
        for (const overlap of ['true', 'false']) {
          const file = join(folder, `overlap-${overlap}-${round}.json`);
          const { code, output } = await onHosts(1, 'threads', 'slowLink', file, overlap);
          expect(code, output).toBe(0);
          times[overlap]!.push(JSON.parse(await readFile(file, 'utf8')).milliseconds);
        }
      }
      const best = (overlap: string) => Math.min(...times[overlap]!);
      console.log(
        `a step over a link of 400 Mbit/s: ${best('true').toFixed(0)} ms with overlap, ${best('false').toFixed(0)} ms without`,
      );
      expect(best('true')).toBeLessThan(best('false'));
    } finally {
      hosts.limit(undefined);
    }
  });
}
