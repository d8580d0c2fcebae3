/** `tfkit-ddp run`: starts the job, and starts it again after a failure. */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { OptionError } from '@tfkit/core';
import { launchEnvironment } from './environment';
import { runMpi } from './mpirun';
import { parseCommandLine, type RunOptions, usage } from './options';
import { runProcesses } from './processes';

/** How one run of the job ended; `text` is undefined where the cause has been printed. */
export interface Attempt {
  readonly ok: boolean;
  readonly text?: string;
}

const say = (text: string) => process.stderr.write(`tfkit-ddp: ${text}\n`);

/** Runs the command line; resolves with the exit code. */
export async function main(argv: readonly string[], cores = availableParallelism()): Promise<number> {
  const parsed = parseCommandLine(argv, cores);
  if (parsed === 'help') {
    process.stdout.write(usage);
    return 0;
  }
  const options = { ...parsed, script: resolve(parsed.script) };
  if (!existsSync(options.script)) {
    throw new OptionError(`tfkit-ddp: script must be a file, got '${parsed.script}', which is not there.`);
  }
  if (options.ranks > cores && !options.hosts) {
    const what = cores === 1 ? 'one core' : `${cores} cores`;
    say(`${options.ranks} ranks on ${what} take turns and train no faster than ${cores}. Use -n ${cores}.`);
  }
  const env = launchEnvironment(options, cores, process.env);
  const children = new Set<ChildProcess>();
  let stopped: NodeJS.Signals | undefined;
  const forward = (signal: NodeJS.Signals) => {
    stopped = signal;
    for (const child of children) child.kill(signal);
  };
  process.on('SIGINT', forward).on('SIGTERM', forward);
  const track = (child: ChildProcess) => {
    children.add(child);
    child.on('close', () => children.delete(child));
  };
  for (let restarts = 0; ; restarts++) {
    const attempt = await runOnce(options, env, restarts, track);
    if (attempt.ok) return 0;
    if (attempt.text) say(attempt.text);
    if (stopped) return 1;
    if (restarts >= options.maxRestarts) {
      if (restarts > 0) say(`the job failed after ${restarts} ${restarts === 1 ? 'restart' : 'restarts'}.`);
      return 1;
    }
    say(`restart ${restarts + 1} of ${options.maxRestarts}.`);
  }
}

function runOnce(...[options, ...rest]: Parameters<typeof runHost>): Promise<Attempt> {
  if (options.hosts) return runMpi(options, options.hosts, ...rest);
  return options.backend === 'threads' ? runHost(options, ...rest) : runProcesses(options, ...rest);
}

/** All ranks in one process. What it cannot tell by itself, a signal that killed it, is told here. */
function runHost(
  options: RunOptions,
  env: NodeJS.ProcessEnv,
  restarts: number,
  track: (child: ChildProcess) => void,
): Promise<Attempt> {
  const host = fileURLToPath(new URL('./host.js', import.meta.url));
  const child = spawn(process.execPath, [host, JSON.stringify(options), String(restarts)], {
    env,
    stdio: 'inherit',
  });
  track(child);
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => {
      const text = signal
        ? `the process of all ${options.ranks} ranks was killed by ${signal}. A native crash or a lack of memory does that; ` +
          'with --backend processes the rank would be known.'
        : undefined;
      resolve({ ok: code === 0, text });
    });
  });
}
