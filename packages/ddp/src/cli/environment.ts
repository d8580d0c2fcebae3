/** The variables that ranks are started with. They must be there before the process starts: a worker's `process.env` is a copy that native code never sees. */
import { readdirSync } from 'node:fs';
import type { RunOptions } from './options';

type Environment = Readonly<Record<string, string | undefined>>;

/** What is set unless the user has set it. */
export function launchEnvironment(
  { ranks, threads, timeout }: Pick<RunOptions, 'ranks' | 'threads' | 'timeout'>,
  cores: number,
  env: Environment,
): Record<string, string | undefined> {
  const perRank = String(threads ?? Math.max(1, Math.floor(cores / ranks)));
  const defaults = {
    // glibc: keep freed blocks. Otherwise each gradient is mapped, faulted in and unmapped at every step.
    MALLOC_MMAP_THRESHOLD_: '4294967296',
    MALLOC_TRIM_THRESHOLD_: '17179869184',
    MALLOC_TOP_PAD_: '67108864',
    // Or every rank starts as many threads as there are cores.
    TF_NUM_INTRAOP_THREADS: perRank,
    TF_NUM_INTEROP_THREADS: '1',
    OMP_NUM_THREADS: perRank,
    // Other kernels sum in another order: the same on all ranks.
    TF_ENABLE_ONEDNN_OPTS: '1',
    TF_CPP_MIN_LOG_LEVEL: '1',
  };
  const chosen = threads === undefined ? {} : { TF_NUM_INTRAOP_THREADS: perRank, OMP_NUM_THREADS: perRank };
  return { ...defaults, ...env, ...chosen, TFKIT_DDP_TIMEOUT: String(timeout) };
}

/**
 * `CUDA_VISIBLE_DEVICES` of each rank: one device each, in turn; undefined leaves the variable alone.
 *
 * @param gpus those of `--gpus`; undefined means those of the environment, or of the driver.
 */
export function assignGpus(
  ranks: number,
  gpus: readonly string[] | undefined,
  env: Environment,
  detect: () => readonly string[] = detectGpus,
): (string | undefined)[] {
  if (gpus && gpus.length === 0) return Array(ranks).fill('');
  const visible = env.CUDA_VISIBLE_DEVICES;
  const fromEnvironment = visible === undefined ? undefined : visible.split(',').filter(Boolean);
  const devices = gpus ?? fromEnvironment ?? detect();
  if (devices.length === 0) return Array(ranks).fill(undefined);
  return Array.from({ length: ranks }, (_, rank) => devices[rank % devices.length]);
}

/** The numbers of the GPUs that NVIDIA's driver for Linux shows. */
function detectGpus(): string[] {
  try {
    return readdirSync('/proc/driver/nvidia/gpus').map((_, index) => String(index));
  } catch {
    return [];
  }
}
