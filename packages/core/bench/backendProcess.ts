/** The Node backends that are here, each in a process of its own: no backend sees what another one registered. */
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { type PeerProcess, startPeer } from '@tfkit/bench';
import { findTestTargets } from '@tfkit/test-kit/availability';

/** From source: the loaders of test backends use parts of core that are not exported. */
const tsconfig = fileURLToPath(new URL('../../../tools/tsconfig.source.json', import.meta.url));
const tsx = createRequire(import.meta.url).resolve('tsx/cli');

/** What is here of cpu, wasm, tensorflow, webgpu; names on stderr what is not, and the command that brings it. */
export function availableBackends(): string[] {
  const targets = findTestTargets().filter(({ target }) => target !== 'browser');
  for (const { target, available, detail, install } of targets) {
    if (!available) console.error(`${target} is left out: ${detail} (${install})`);
  }
  return targets.filter(({ available }) => available).map(({ target }) => target);
}

/** Starts a worker of this folder that answers each line of JSON with one. */
export function startWorker(file: string, ...args: string[]): PeerProcess {
  const worker = fileURLToPath(new URL(file, import.meta.url));
  return startPeer(process.execPath, [tsx, '--tsconfig', tsconfig, worker, ...args]);
}

/** `benchmarks/results/<file>`. */
export const resultFile = (file: string) =>
  fileURLToPath(new URL(`../../../benchmarks/results/${file}`, import.meta.url));
