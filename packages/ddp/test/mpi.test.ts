import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { deserialize } from 'node:v8';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { mpirunLine } from '../src/cli/mpirun';
import { spawn } from '../src/index';
import { loadMpi } from '../src/mpi/library';
import { bin, engines, type Launcher, mpirun, run } from './mpi';
import { rankFile } from './ranks';

let folder: string;
/** What threads make of the same programs. */
let byThreads: unknown[];
let undisturbed: number[];
const script = fileURLToPath(rankFile('restarting'));

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tfkit-mpi-'));
  byThreads = await spawn(rankFile('collectives'), 3, { args: [{ long: 2_500_000 }], timeout: 60_000 });
  const own = await mkdtemp(join(folder, 'threads-'));
  const { code, output } = await run([process.execPath, bin, 'run', '-n', '2', script, own, 'none', '0']);
  expect(code, output).toBe(0);
  undisturbed = JSON.parse(await readFile(join(own, 'losses.json'), 'utf8'));
}, 120_000);
afterAll(() => rm(folder, { recursive: true, force: true }));

for (const { name, launcher, absent } of engines) {
  if (!launcher) it.skip(`ranks over MPI ${absent}`);
  else describe(`ranks over MPI, ${name}`, () => testEngine(launcher));
}

/** Equal but for the rounding of means, which MPI sums after the division. */
function expectSame(found: unknown, expected: unknown, path = ''): void {
  if (ArrayBuffer.isView(expected) && path.includes('mean')) {
    const [a, b] = [found, expected].map((array) => Array.from(array as unknown as ArrayLike<number>));
    expect(a!.length, path).toBe(b!.length);
    for (const [i, value] of a!.entries())
      expect(Math.abs(value - b![i]!), path).toBeLessThanOrEqual(4e-7 * 11);
    return;
  }
  const isTree =
    typeof expected === 'object' &&
    expected !== null &&
    !ArrayBuffer.isView(expected) &&
    !(expected instanceof Map);
  if (!isTree) {
    expect(found, path).toEqual(expected);
    return;
  }
  expect(Object.keys(found as object), path).toEqual(Object.keys(expected));
  for (const [key, value] of Object.entries(expected)) {
    expectSame((found as Record<string, unknown>)[key], value, `${path}/${key}`);
  }
}

function testEngine(launcher: Launcher): void {
  it('give what threads give, in every collective', { timeout: 120_000 }, async () => {
    const own = await mkdtemp(join(folder, 'collectives-'));
    const { code, output } = await mpirun(launcher, 3, 'mpiCollectives', [own]);
    expect(output).toContain('rank 2 of 3 is done');
    expect(code, output).toBe(0);
    for (const [rank, expected] of byThreads.entries()) {
      expectSame(deserialize(await readFile(join(own, `${rank}.bin`))), expected);
    }
  });

  it("train the user's own program unchanged, to the bit on 2 ranks", { timeout: 120_000 }, async () => {
    const own = await mkdtemp(join(folder, 'own-'));
    const { code, output } = await mpirun(launcher, 2, 'restarting', [own, 'none', '0']);
    expect(output).toContain('rank 1 of 2 on mpi is done');
    expect(code, output).toBe(0);
    expect(JSON.parse(await readFile(join(own, 'losses.json'), 'utf8'))).toEqual(undisturbed);
  });

  const faults = [
    ['throws', /tfkit-ddp: rank 1 failed: TypeError: boom/],
    ['exits', /rank 1 exited with code 3/],
    ['is killed', /rank 1 .*exited on signal 9|EXIT STRING: Killed \(signal 9\)/],
    [
      'hangs',
      /caught on rank [02]: CollectiveError: .*timed out after 2 s in no\. \d+: .*allReduce .*: rank 1 did not reach it; its last collective was no\. \d+/,
    ],
    [
      'calls something else',
      /caught on rank [02]: CollectiveError: allReduce: every rank must make the same call, got no\. \d+: allReduce sum of float32 \[1\] on rank 0 and no\. \d+: broadcast of int32 \[2\] from rank 0 on rank 1/,
    ],
    ['leaves early', /caught on rank [02]: CollectiveError: .*: rank 1 has left the group/],
  ] as const;
  for (const [fault, message] of faults) {
    it(`end when rank 1 ${fault}, and name it`, { timeout: 90_000 }, async () => {
      const { code, output, milliseconds } = await mpirun(launcher, 3, 'mpiFaults', [fault, '1']);
      expect(output).toMatch(message);
      expect(code).not.toBe(0);
      expect(milliseconds).toBeLessThan(25_000);
    });
  }

  it('run as threads inside one process a host, and start again after a failure', {
    timeout: 120_000,
  }, async () => {
    const own = await mkdtemp(join(folder, 'hosts-'));
    const command = [process.execPath, bin, 'run', '-n', '1', '--hosts', 'localhost,127.0.0.1'];
    const mpi = ['--mpirun', launcher.command.join(' ').replace(' --bind-to none', '')];
    const program = ['--max-restarts', '1', script, own, 'throws', '6'];
    const { code, output } = await run([...command, ...mpi, ...program], launcher.env);
    expect(output).toMatch(/tfkit-ddp: rank 1 failed: Error: boom/);
    expect(output).toContain('tfkit-ddp: restart 1 of 1.');
    expect(output).toContain('[1] rank 1 of 2 on mpi is done');
    expect(code, output).toBe(0);
    expect(JSON.parse(await readFile(join(own, 'losses.json'), 'utf8'))).toEqual(undisturbed);
  });

  it('give what threads give with two threads in each of two processes', { timeout: 120_000 }, async () => {
    const own = await mkdtemp(join(folder, 'two-by-two-'));
    const mpi = ['--mpirun', launcher.command.join(' ').replace(' --bind-to none', '')];
    const four = await spawn<unknown, readonly unknown[]>(rankFile('collectives'), 4, {
      args: [{ long: 2_500_000 }],
      timeout: 60_000,
    });
    const { code, output } = await run(
      [
        process.execPath,
        bin,
        'run',
        '-n',
        '2',
        '--hosts',
        'localhost,127.0.0.1',
        ...mpi,
        fileURLToPath(rankFile('mpiCollectives')),
        own,
      ],
      launcher.env,
    );
    expect(code, output).toBe(0);
    for (const [rank, expected] of four.entries()) {
      expectSame(deserialize(await readFile(join(own, `${rank}.bin`))), expected);
    }
  });
}

const [openmpi, mpich] = engines;
it.skipIf(!openmpi!.launcher || !mpich!.launcher)(
  openmpi!.launcher && mpich!.launcher
    ? "a library that is not the launcher's is one clear sentence"
    : "a library that is not the launcher's (skipped: needs both: npm run setup:backends -- openmpi mpich)",
  { timeout: 60_000 },
  async () => {
    const { code, output } = await mpirun(openmpi!.launcher!, 2, 'mpiFaults', ['none', '0'], {
      ...mpich!.launcher!.env,
      TFKIT_DDP_MPI_LIB: 'libmpich.so.12',
    });
    expect(output).toMatch(
      /BackendError: initProcessGroup: the MPI library must be that of the launcher, got MPICH.* \(libmpich\.so\.12\) with a world of 1 where Open MPI has started 2\. Set TFKIT_DDP_MPI_LIB to the launcher's library/,
    );
    expect(code).not.toBe(0);
  },
);

describe('what is missing says what to do', () => {
  it('an MPI library', () => {
    expect(() => loadMpi('Open MPI', { TFKIT_DDP_MPI_LIB: 'libnone.so.1' })).toThrow(
      "initProcessGroup: the backend 'mpi' must find an MPI library, got none of libnone.so.1. " +
        "Install Open MPI (apt-get install openmpi-bin) or MPICH, or set TFKIT_DDP_MPI_LIB to the library's file.",
    );
    expect(() => loadMpi('Open MPI', { TFKIT_DDP_MPI_LIB: 'libc.so.6' })).toThrow(
      /MPI_Get_library_version|must be Open MPI/,
    );
  });

  it.skipIf(!openmpi!.launcher)(
    openmpi!.launcher ? 'a wrong world size' : `a wrong world size ${openmpi!.absent}`,
    { timeout: 60_000 },
    async () => {
      const code = "import('@tfkit/ddp').then(({ initProcessGroup }) => initProcessGroup({ size: 3 }))";
      const { output } = await run([...openmpi!.launcher!.command, '-n', '2', process.execPath, '-e', code]);
      expect(output).toContain('initProcessGroup: options.size must be the number of ranks, 2, got 3.');
    },
  );

  it('a launcher', async () => {
    const { code, output } = await run([
      process.execPath,
      bin,
      'run',
      '--hosts',
      'a,b',
      '--mpirun',
      'no-such-mpirun',
      script,
    ]);
    expect(output).toContain(
      "tfkit-ddp: --hosts must find Open MPI's or MPICH's mpirun, got 'no-such-mpirun'",
    );
    expect(code).toBe(2);
  });
});

describe('the command line of MPI', () => {
  const options = { hosts: ['a', 'b'], ranks: 4, mpirun: ['mpirun'], prefix: true };
  const env = { TF_NUM_INTRAOP_THREADS: '2', HOME: '/root', TFKIT_DDP_TIMEOUT: '5000' };
  it('starts one process on each host with threads inside, or one a rank', () => {
    const threads = mpirunLine({ ...options, backend: 'threads' }, 'Open MPI', env, ['node', 'host.js']).join(
      ' ',
    );
    expect(threads).toMatch(
      /^mpirun .*--host a:1,b:1 -n 2 --bind-to none -x TF_NUM_INTRAOP_THREADS=2 -x TFKIT_DDP_TIMEOUT=5000 node host.js$/,
    );
    const processes = mpirunLine({ ...options, backend: 'processes' }, 'Open MPI', {}, [
      'node',
      'a.mjs',
    ]).join(' ');
    expect(processes).toMatch(/--host a:4,b:4 -n 8 --bind-to none --tag-output node a.mjs$/);
    const hydra = mpirunLine({ ...options, backend: 'processes' }, 'MPICH', env, ['node', 'a.mjs']).join(' ');
    expect(hydra).toBe(
      'mpirun -hosts a,b -ppn 4 -n 8 -prepend-rank -genv TF_NUM_INTRAOP_THREADS 2 -genv TFKIT_DDP_TIMEOUT 5000 node a.mjs',
    );
  });
});
