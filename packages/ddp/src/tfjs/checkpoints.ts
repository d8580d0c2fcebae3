/** Checkpoints of a job: written by rank 0, read by all. */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import {
  type LoadCheckpointOptions,
  type LoadedCheckpoint,
  loadCheckpoint,
  type SaveCheckpointOptions,
  saveCheckpoint,
} from '@tfkit/core/tfjs';
import { writeFileAtomic } from '@tfkit/core/weights/node';
import { textOf } from '../errors';
import type { ProcessGroup } from '../processGroup';

/**
 * Writes a checkpoint of rank 0's state, whole or not at all, while the other ranks wait. A collective call.
 *
 * The state is the same on all ranks but for what each draws by itself; derive per-rank keys with
 * `foldIn(key, group.rank)` from the key that is saved here.
 *
 * @throws on every rank what failed on rank 0.
 * @example
 * if (step % 100 === 0) await saveOnRank0('run.safetensors', { group, variables, optimizer, step });
 */
export async function saveOnRank0(
  path: string,
  { group, ...options }: SaveCheckpointOptions & { readonly group: ProcessGroup },
): Promise<void> {
  let problem: string | undefined;
  if (group.rank === 0) {
    try {
      await writeFileAtomic(path, await saveCheckpoint(options));
    } catch (error) {
      problem = textOf(error);
    }
  }
  const reported = group.sync.broadcastObject(problem);
  if (reported !== undefined) throw new Error(`saveOnRank0: rank 0 could not save '${path}': ${reported}`);
}

/**
 * Puts the state of a checkpoint into variables and optimizer of every rank; undefined if the file is not there, as in the
 * first run of a job that restarts. Rank 0 reads the file and sends it. A collective call.
 *
 * @throws on every rank what failed on rank 0, or what `loadCheckpoint` throws.
 * @example
 * const start = (await resume('run.safetensors', { group, variables, optimizer }))?.step ?? 0;
 */
export async function resume(
  path: string,
  { group, ...options }: LoadCheckpointOptions & { readonly group: ProcessGroup },
): Promise<LoadedCheckpoint | undefined> {
  let read: { bytes?: Uint8Array; problem?: string } = {};
  if (group.rank === 0 && existsSync(path)) {
    try {
      read = { bytes: await readFile(path) };
    } catch (error) {
      read = { problem: textOf(error) };
    }
  }
  const { length, problem } = group.sync.broadcastObject({
    length: read.bytes?.length,
    problem: read.problem,
  });
  if (problem !== undefined) throw new Error(`resume: rank 0 could not read '${path}': ${problem}`);
  if (length === undefined) return undefined;
  const bytes = group.sync.broadcast(read.bytes ? new Uint8Array(read.bytes) : new Uint8Array(length));
  return loadCheckpoint(bytes, options);
}
