/** Ranks as processes, for `--backend processes`. */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { rmSync } from 'node:fs';
import { abortGroup, failureOf } from '../arena/failure';
import { initialBytes } from '../arena/layout';
import { lastCall } from '../arena/records';
import { sharedFileVariable } from '../environment';
import { createShared, openShared, sharedPath } from '../processes/memory';
import { LinePrefixer } from '../threads/output';
import { assignGpus } from './environment';
import type { RunOptions } from './options';
import type { Attempt } from './run';

const graceMilliseconds = 3000;

/** Runs the script once on every rank; resolves with what went wrong, if anything. */
export async function runProcesses(
  options: RunOptions,
  env: NodeJS.ProcessEnv,
  restarts: number,
  onChild: (child: ChildProcess) => void,
): Promise<Attempt> {
  const { ranks, gpus } = options;
  const path = sharedPath(randomUUID(), initialBytes(ranks));
  createShared(path, ranks);
  const memory = openShared(path);
  const devices = assignGpus(ranks, gpus, env);
  const children: ChildProcess[] = [];
  let grace: NodeJS.Timeout | undefined;
  const killAll = () => {
    for (const child of children) child.kill('SIGKILL');
  };
  const onEnd = (rank: number, code: number | null, signal: NodeJS.Signals | null) => {
    if (code === 0) return;
    abortGroup(
      memory,
      rank,
      'failed',
      signal ? `rank ${rank} was killed by ${signal}.` : `rank ${rank} exited with code ${code}.`,
    );
    grace ??= setTimeout(killAll, graceMilliseconds);
  };
  try {
    await Promise.all(
      Array.from({ length: ranks }, async (_, rank) => {
        const device = devices[rank];
        const child = startRank(options, rank, {
          ...env,
          ...(device !== undefined && { CUDA_VISIBLE_DEVICES: device }),
          [sharedFileVariable]: path,
          TORCHELASTIC_RESTART_COUNT: String(restarts),
        });
        children.push(child);
        onChild(child);
        const [code, signal] = await ended(child);
        onEnd(rank, code, signal);
      }),
    );
    const failure = failureOf(memory);
    if (!failure) return { ok: true };
    const call = lastCall(memory, failure.rank);
    const where =
      call && !failure.text.includes('last collective') ? ` (its last collective was ${call})` : '';
    return { ok: false, text: `${failure.text.replace(/\.$/, '')}${where}.` };
  } finally {
    clearTimeout(grace);
    killAll();
    memory.close();
    rmSync(path, { force: true });
  }
}

function startRank(
  { script, args, ranks, prefix }: RunOptions,
  rank: number,
  env: NodeJS.ProcessEnv,
): ChildProcess {
  const place = {
    RANK: String(rank),
    WORLD_SIZE: String(ranks),
    LOCAL_RANK: String(rank),
    LOCAL_WORLD_SIZE: String(ranks),
  };
  const child = spawn(process.execPath, [script, ...args], {
    env: { ...env, ...place },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  for (const name of ['stdout', 'stderr'] as const) {
    const lines = new LinePrefixer(prefix ? `[${rank}] ` : '', (text) => process[name].write(text));
    child[name]!.setEncoding('utf8').on('data', (text: string) => lines.write(text));
    child[name]!.on('end', () => lines.end());
  }
  return child;
}

function ended(child: ChildProcess): Promise<[number | null, NodeJS.Signals | null]> {
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => resolve([code, signal]));
  });
}
