/** Programs run under MPI's launchers. */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { mpiLauncher } from '@tfkit/test-kit/availability';
import { rankFile } from './ranks';

export interface Ended {
  readonly code: number | null;
  readonly output: string;
  readonly milliseconds: number;
}

/** Runs a program; resolves when it has ended, whatever it has left behind. */
export function run(
  command: readonly string[],
  env: NodeJS.ProcessEnv = {},
  limit = 90_000,
  onOutput?: (output: string) => void,
): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const start = performance.now();
    const [program, ...args] = command;
    const child = spawn(program!, args, {
      env: { ...process.env, NO_COLOR: '1', ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (data) => {
        output += data;
        onOutput?.(output);
      });
    }
    const timer = setTimeout(() => {
      output += `\n(ended by the test after ${limit} ms)`;
      child.kill('SIGKILL');
    }, limit);
    child.on('error', reject);
    child.on('exit', (code) => {
      clearTimeout(timer);
      // What it has written comes soon; agents that it has left keep the pipes open.
      setTimeout(() => {
        child.stdout.destroy();
        child.stderr.destroy();
        resolve({ code, output, milliseconds: performance.now() - start });
      }, 200);
    });
  });
}

export const engines = (['openmpi', 'mpich'] as const).map((name) => ({
  name,
  launcher: mpiLauncher(name),
  absent: `(skipped: ${name} is absent, brought by: npm run setup:backends -- ${name})`,
}));

export type Launcher = NonNullable<(typeof engines)[number]['launcher']>;

/** `mpirun -n size node script args`. */
export function mpirun(
  { command, env }: Launcher,
  size: number,
  script: string,
  args: readonly string[] = [],
  more: NodeJS.ProcessEnv = {},
): Promise<Ended> {
  const path = fileURLToPath(rankFile(script));
  return run([...command, '-n', String(size), process.execPath, path, ...args], { ...env, ...more });
}

export const bin = fileURLToPath(new URL('../dist/cli/bin.js', import.meta.url));
