/** The process in which the ranks of `--backend threads` live. Its own thread stays free, to notice how they end. */
import { pathToFileURL } from 'node:url';
import { isTfkitError } from '@tfkit/core';
import { rankEnvironment } from '../environment';
import { RankError } from '../errors';
import { isMpiLauncher, startLink } from '../mpi/start';
import { runThreads } from '../threads/run';
import type { RunOptions } from './options';

const place = rankEnvironment();
const overMpi = place !== undefined && place.size > 1 && isMpiLauncher(place);
const [json, restarts] = process.argv.slice(2) as [string, string];
const { ranks, script, args, timeout, prefix }: RunOptions = JSON.parse(json);

try {
  await runThreads({
    size: ranks,
    task: { kind: 'script', url: pathToFileURL(script).href },
    timeout,
    restarts: Number(restarts),
    prefix: prefix ? (rank) => `[${rank}] ` : undefined,
    worker: { argv: [...args] },
    // One such process on each host.
    connect: overMpi ? (memory) => startLink(memory, place, timeout) : undefined,
  });
  process.exit(0);
} catch (error) {
  const isRank = error instanceof RankError;
  const { message, stack, cause } = error as Error;
  // Over MPI the failure has been told.
  if (!overMpi || !isRank)
    console.error(`tfkit-ddp: ${isRank || isTfkitError(error) ? message.replace(/^spawn: /, '') : stack}`);
  if (isRank && cause instanceof Error && cause.stack) console.error(cause.stack);
  process.exit(1);
}
