/** What the environment says of this process's place in a job. */
import { checkInteger, OptionError } from '@tfkit/core';

/** What a launcher's variables say of this rank. */
export interface RankEnvironment {
  readonly launcher: 'tfkit-ddp' | 'torchrun' | 'Open MPI' | 'MPICH' | 'Slurm';
  readonly rank: number;
  readonly size: number;
  readonly localRank: number;
  readonly localSize: number;
  readonly restarts: number;
}

type Environment = Readonly<Record<string, string | undefined>>;

const launchers = [
  {
    name: 'torchrun',
    names: ['RANK', 'WORLD_SIZE', 'LOCAL_RANK', 'LOCAL_WORLD_SIZE'],
  },
  {
    name: 'Open MPI',
    names: [
      'OMPI_COMM_WORLD_RANK',
      'OMPI_COMM_WORLD_SIZE',
      'OMPI_COMM_WORLD_LOCAL_RANK',
      'OMPI_COMM_WORLD_LOCAL_SIZE',
    ],
  },
  { name: 'MPICH', names: ['PMI_RANK', 'PMI_SIZE', 'MPI_LOCALRANKID', 'MPI_LOCALNRANKS'] },
  { name: 'Slurm', names: ['SLURM_PROCID', 'SLURM_NTASKS', 'SLURM_LOCALID', 'SLURM_NTASKS_PER_NODE'] },
] as const;

/** The variable of the shared file that `tfkit-ddp run --backend processes` made. */
export const sharedFileVariable = 'TFKIT_DDP_SHARED';

/**
 * The rank and size that a launcher has set, in the order own and torchrun, Open MPI, MPICH, Slurm; undefined if none has.
 *
 * @throws OptionError if a variable is no number or the rank is not below the size.
 */
export function rankEnvironment(env: Environment = process.env): RankEnvironment | undefined {
  for (const { name, names } of launchers) {
    const [rankName, sizeName, localRankName, localSizeName] = names;
    if (env[rankName] === undefined || env[sizeName] === undefined) continue;
    const size = numberOf(env, sizeName, { min: 1 });
    const rank = numberOf(env, rankName, { min: 0, max: size - 1 });
    const localSize =
      env[localSizeName] === undefined ? size : numberOf(env, localSizeName, { min: 1, max: size });
    const localRank =
      env[localRankName] === undefined ? rank : numberOf(env, localRankName, { min: 0, max: localSize - 1 });
    const restarts = numberOf(env, 'TORCHELASTIC_RESTART_COUNT', { min: 0 }, 0);
    const launcher = name === 'torchrun' && env[sharedFileVariable] ? 'tfkit-ddp' : name;
    return { launcher, rank, size, localRank, localSize, restarts };
  }
  return undefined;
}

function numberOf(
  env: Environment,
  name: string,
  range: { min: number; max?: number },
  missing?: number,
): number {
  const text = env[name];
  if (text === undefined && missing !== undefined) return missing;
  const value = text?.trim() ? Number(text) : Number.NaN;
  if (!Number.isInteger(value)) {
    throw new OptionError(
      `initProcessGroup: the environment variable ${name} must be an integer, got '${text}'.`,
    );
  }
  checkInteger(['initProcessGroup', `the environment variable ${name}`], value, range);
  return value;
}
