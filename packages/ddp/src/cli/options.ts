/** The command line of `tfkit-ddp`. */
import { checkInteger, checkNumber, checkOneOf, OptionError } from '@tfkit/core';
import { maxRanks } from '../arena/layout';

export interface RunOptions {
  readonly ranks: number;
  readonly backend: 'threads' | 'processes';
  readonly maxRestarts: number;
  /** Milliseconds. */
  readonly timeout: number;
  /** Threads of TensorFlow in each rank; default: cores / ranks. */
  readonly threads: number | undefined;
  /** Devices by their numbers, or 'none'; default: those that CUDA_VISIBLE_DEVICES or the driver shows. */
  readonly gpus: readonly string[] | undefined;
  /** Hosts over which MPI starts `ranks` ranks each; undefined: this one, without MPI. */
  readonly hosts: readonly string[] | undefined;
  /** The command that starts an MPI job, with options of its own. */
  readonly mpirun: readonly string[];
  readonly prefix: boolean;
  readonly script: string;
  readonly args: readonly string[];
}

export const usage = `Usage: tfkit-ddp run [options] <script> [arguments of the script]

Runs <script> once on each rank. The script joins its group with initProcessGroup().

  -n, --ranks <number>      how many ranks, on each host; default: the number of cores
  --backend <name>          threads (default; one process, nothing to install) or
                            processes (one process a rank, for several GPUs; needs: npm install koffi)
  --max-restarts <number>   run again this often after a failure; the script resumes from its checkpoint; default 0
  --timeout <seconds>       how long a rank waits for another in a collective; default 300
  --threads <number>        threads of TensorFlow in each rank; default: cores / ranks
  --gpus <numbers | none>   processes: GPUs by their numbers, dealt to the ranks in turn; default: all there are
  --hosts <names>           run on these hosts, as a,b: mpirun starts one process on each with a thread a rank, or with
                            --backend processes one process a rank; needs Open MPI or MPICH, and: npm install koffi
  --mpirun <command>        the launcher of MPI, with options of its own; default: mpirun
  --no-prefix               do not write [rank] before each line
  -h, --help                this text

It sets TF_NUM_INTRAOP_THREADS, TF_NUM_INTEROP_THREADS, OMP_NUM_THREADS, TF_ENABLE_ONEDNN_OPTS and glibc's MALLOC_
variables unless they are set, and RANK, WORLD_SIZE, LOCAL_RANK, LOCAL_WORLD_SIZE for each rank, as torchrun does.
Exit code: 0 done, 1 the job failed, 2 a wrong command line.
`;

type Read = (name: string) => string;

/** @throws OptionError for a wrong command line; returns 'help' if it asks for that. */
export function parseCommandLine(argv: readonly string[], cores: number): RunOptions | 'help' {
  const rest = [...argv];
  const command = rest.shift();
  if (command === undefined || command === '--help' || command === '-h') return 'help';
  checkOneOf(['tfkit-ddp', 'the command'], command, ['run'], 'tfkit-ddp --help');
  const found: { -readonly [K in keyof RunOptions]?: RunOptions[K] } = {};
  const value: Read = (name) => {
    const text = rest.shift();
    if (text === undefined) throw new OptionError(`tfkit-ddp: ${name} must have a value, got none.`);
    return text;
  };
  while (rest[0]?.startsWith('-')) {
    const [name, inline] = splitAtEquals(rest.shift()!);
    if (name === '-h' || name === '--help') return 'help';
    if (inline !== undefined) rest.unshift(inline);
    readOption(name, value, found);
  }
  const script = rest.shift();
  if (!script)
    throw new OptionError('tfkit-ddp: script must be given, got none. tfkit-ddp run -n 2 train.mjs');
  const { ranks = cores, backend = 'threads', maxRestarts = 0, timeout = 300_000, prefix = true } = found;
  return {
    ranks,
    backend,
    maxRestarts,
    timeout,
    threads: found.threads,
    gpus: found.gpus,
    hosts: found.hosts,
    mpirun: found.mpirun ?? ['mpirun'],
    prefix,
    script,
    args: rest,
  };
}

function readOption(
  name: string,
  value: Read,
  found: { -readonly [K in keyof RunOptions]?: RunOptions[K] },
): void {
  switch (name) {
    case '-n':
    case '--ranks':
    case '--nproc-per-node':
      found.ranks = integer(name, value(name), 1, maxRanks);
      return;
    case '--backend': {
      const backend = value(name);
      checkOneOf(['tfkit-ddp', name], backend, ['threads', 'processes'] as const);
      found.backend = backend;
      return;
    }
    case '--max-restarts':
      found.maxRestarts = integer(name, value(name), 0);
      return;
    case '--timeout': {
      const seconds = Number(value(name));
      checkNumber(['tfkit-ddp', name], seconds, { min: 0, open: 'min' });
      found.timeout = seconds * 1000;
      return;
    }
    case '--threads':
      found.threads = integer(name, value(name), 1);
      return;
    case '--gpus': {
      const text = value(name);
      found.gpus = text === 'none' ? [] : text.split(',');
      return;
    }
    case '--hosts':
      found.hosts = value(name).split(',').filter(Boolean);
      checkInteger(['tfkit-ddp', `the number of ${name}`], found.hosts.length, { min: 1 });
      return;
    case '--mpirun':
      found.mpirun = value(name).split(/\s+/).filter(Boolean);
      checkInteger(['tfkit-ddp', `the number of words of ${name}`], found.mpirun.length, { min: 1 });
      return;
    case '--no-prefix':
      found.prefix = false;
      return;
    default:
      throw new OptionError(`tfkit-ddp: option '${name}' must be a known one. See tfkit-ddp --help`);
  }
}

function splitAtEquals(text: string): [string, string | undefined] {
  const at = text.indexOf('=');
  return at < 0 || !text.startsWith('--') ? [text, undefined] : [text.slice(0, at), text.slice(at + 1)];
}

function integer(name: string, text: string, min: number, max?: number): number {
  const value = text.trim() ? Number(text) : Number.NaN;
  checkInteger(['tfkit-ddp', name], value, { min, max });
  return value;
}
