/** `--hosts`: the ranks of several hosts, started by MPI's own launcher. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { BackendError } from '@tfkit/core';
import { failurePrefix } from '../mpi/server';
import type { RunOptions } from './options';
import type { Attempt } from './run';

/** How long the launcher may take to end a job that has failed, in ms. */
const graceMilliseconds = 8000;

export type MpiLauncher = 'Open MPI' | 'MPICH';

/**
 * Which MPI a launcher belongs to.
 *
 * @throws BackendError if it is absent or unknown.
 */
export function launcherKind(command: string): MpiLauncher {
  const { stdout, stderr, error } = spawnSync(command, ['--version'], { encoding: 'utf8' });
  const text = error ? error.message : `${stdout}${stderr}`;
  if (/Open MPI|OpenRTE|PRRTE/i.test(text)) return 'Open MPI';
  if (/HYDRA|MPICH|Intel\(R\) MPI/i.test(text)) return 'MPICH';
  throw new BackendError(
    `tfkit-ddp: --hosts must find Open MPI's or MPICH's mpirun, got '${command}': ${text.split('\n')[0]}. ` +
      'Install it (apt-get install openmpi-bin), or name it by --mpirun.',
  );
}

/** Variables that the ranks on other hosts must have too. */
const forwarded = /^(TF_|OMP_NUM_THREADS$|MALLOC_|TFKIT_|TORCHELASTIC_RESTART_COUNT$|CUDA_VISIBLE_DEVICES$)/;

/**
 * The command line of a job: with threads one process on each host, otherwise one process a rank.
 *
 * @param node what runs a program: Node's path and arguments before the script's.
 */
export function mpirunLine(
  {
    hosts,
    ranks,
    mpirun,
    prefix,
    backend,
  }: Pick<RunOptions, 'ranks' | 'mpirun' | 'prefix' | 'backend'> & {
    readonly hosts: readonly string[];
  },
  kind: MpiLauncher,
  env: Readonly<Record<string, string | undefined>>,
  program: readonly string[],
): string[] {
  const perHost = backend === 'threads' ? 1 : ranks;
  const variables = Object.entries(env).filter(
    ([name, value]) => forwarded.test(name) && value !== undefined,
  );
  const count = String(hosts.length * perHost);
  // With threads the ranks write their prefixes themselves.
  const tags = prefix && backend === 'processes';
  if (kind === 'MPICH') {
    return [
      ...mpirun,
      '-hosts',
      hosts.join(','),
      '-ppn',
      String(perHost),
      '-n',
      count,
      ...(tags ? ['-prepend-rank'] : []),
      ...variables.flatMap(([name, value]) => ['-genv', name, value!]),
      ...program,
    ];
  }
  return [
    ...mpirun,
    ...(process.getuid?.() === 0 ? ['--allow-run-as-root'] : []),
    '--host',
    hosts.map((host) => `${host}:${perHost}`).join(','),
    '-n',
    count,
    // By default each process, with all its threads, is tied to one core.
    '--bind-to',
    'none',
    ...(tags ? ['--tag-output'] : []),
    ...variables.flatMap(([name, value]) => ['-x', `${name}=${value}`]),
    ...program,
  ];
}

/** Runs the job once; the launcher of MPI ends all ranks when one fails. */
export function runMpi(
  options: RunOptions,
  hosts: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
  restarts: number,
  track: (child: ChildProcess) => void,
): Promise<Attempt> {
  const { backend, script, args, mpirun } = options;
  const host = fileURLToPath(new URL('./host.js', import.meta.url));
  const program =
    backend === 'threads' ? [host, JSON.stringify(options), String(restarts)] : [script, ...args];
  const [command, ...line] = mpirunLine(
    { ...options, hosts },
    launcherKind(mpirun[0]!),
    { ...env, TORCHELASTIC_RESTART_COUNT: String(restarts) },
    [process.execPath, ...program],
  );
  const child = spawn(command!, line, { env, stdio: ['inherit', 'inherit', 'pipe'] });
  track(child);
  // The launcher waits for a host that cannot be reached any more; the job has told its failure and is over.
  let grace: NodeJS.Timeout | undefined;
  child.stderr.on('data', (data: Buffer) => {
    process.stderr.write(data);
    if (data.includes(failurePrefix)) grace ??= setTimeout(() => child.kill('SIGKILL'), graceMilliseconds);
  });
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    // Not 'close': its agents keep the pipe open when it is killed.
    child.on('exit', (code, signal) => {
      clearTimeout(grace);
      child.stderr.destroy();
      const how = signal ? `was killed by ${signal}` : `ended with code ${code}`;
      resolve({ ok: code === 0, text: code === 0 ? undefined : `${command} ${how}.` });
    });
  });
}
