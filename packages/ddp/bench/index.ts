/** All-reduce, the share of speed that communication leaves, memory over 1,000 steps, and time to an accuracy. */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { type BenchContext, type BenchRow, median, peerEnvironment } from '@tfkit/bench';
import { tfjsNodeAnchor } from '@tfkit/test-kit/availability';

const run = promisify(execFile);
const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));
const bin = here('../dist/cli/bin.js');

/** The last line that a program prints, as JSON. */
async function json<T>(program: string, args: readonly string[]): Promise<T> {
  const { stdout } = await run(program, args, { env: peerEnvironment(1), maxBuffer: 2 ** 24 });
  const lines = stdout.split('\n').filter((line) => line.startsWith('{'));
  return JSON.parse(lines.at(-1)!) as T;
}

function ours<T>(ranks: number, backend: string, script: string, ...args: (string | number)[]): Promise<T> {
  const options = ['run', '-n', String(ranks), '--backend', backend, '--no-prefix'];
  return json(process.execPath, [bin, ...options, here(`ranks/${script}.mjs`), ...args.map(String)]);
}

function torch<T>(python: string, script: string, ...args: string[]): Promise<T> {
  const launcher = ['-m', 'torch.distributed.run', '--nproc-per-node', '2', '--master-port', '29517'];
  return json(python, [...launcher, here(`peers/${script}.py`), '--json', ...args]);
}

const row = (fields: Partial<BenchRow> & Pick<BenchRow, 'case' | 'ours' | 'unit'>): BenchRow => {
  const { theirs = null } = fields;
  return {
    package: 'ddp',
    backend: '',
    peer: '',
    ratio: theirs === null ? null : fields.ours / theirs,
    ...fields,
    theirs,
  };
};

interface AllReduceTimes {
  resident: number;
  private: number;
}

async function benchAllReduce({ peerPython, quick, log }: BenchContext): Promise<BenchRow[]> {
  const rows: BenchRow[] = [];
  for (const mib of quick ? [1] : [1, 16, 64]) {
    const times = {
      threads: [] as AllReduceTimes[],
      processes: [] as AllReduceTimes[],
      gloo: [] as number[],
      /** What the machine's memory needs for the same bytes. */
      copy: [] as number[],
    };
    const repetitions = quick ? 3 : 15;
    for (let round = 0; round < (quick ? 1 : 3); round++) {
      for (const backend of ['threads', 'processes'] as const) {
        times[backend].push(await ours(2, backend, 'allReduce', mib, repetitions));
      }
      times.copy.push((await ours<{ copy: number }>(2, 'threads', 'bandwidth', mib, repetitions)).copy);
      if (peerPython) {
        const iterations = String(repetitions);
        const peer = await torch<{ median_ms: number }>(
          peerPython,
          'ddp_allreduce_gloo',
          '--sizes',
          String(mib),
          '--iters',
          iterations,
        );
        times.gloo.push(peer.median_ms);
      }
      log(
        `all-reduce of ${mib} MiB, round ${round}: ${JSON.stringify([times.threads.at(-1), times.processes.at(-1), times.gloo.at(-1)])}`,
      );
    }
    const theirs = times.gloo.length > 0 ? median(times.gloo) : null;
    rows.push(
      row({
        case: `all-reduce of ${mib} MiB float32, 2 ranks: the limit, a copy loop in wasm`,
        backend: 'threads',
        peer: theirs === null ? '' : 'torch gloo, 2 processes',
        ours: median(times.copy),
        theirs,
        unit: 'ms',
        note: 'reads of both slots and writes of the result as a copy, on 2 threads at once: no resident reduction is faster',
      }),
    );
    for (const backend of ['threads', 'processes'] as const) {
      for (const kind of ['resident', 'private'] as const) {
        const what = kind === 'resident' ? 'resident in the shared memory' : 'private arrays';
        rows.push(
          row({
            case: `all-reduce of ${mib} MiB float32, 2 ranks, ${what}`,
            backend,
            peer: theirs === null ? '' : 'torch gloo, 2 processes',
            ours: median(times[backend].map((time) => time[kind])),
            theirs,
            unit: 'ms',
          }),
        );
      }
    }
  }
  return rows;
}

async function benchTraining({ peerPython, quick, log }: BenchContext, anchor: string): Promise<BenchRow[]> {
  const rates: Record<string, number[]> = { none: [], overlap: [], serial: [], torchNone: [], torch: [] };
  const [steps, rounds] = quick ? [3, 1] : [30, 3];
  for (let round = 0; round < (quick ? 1 : 3); round++) {
    for (const mode of ['none', 'overlap', 'serial']) {
      rates[mode]!.push(
        (await ours<{ rate: number }>(2, 'threads', 'train', mode, steps, rounds, anchor)).rate,
      );
    }
    if (peerPython) {
      for (const [name, ...flags] of [['torchNone', '--no-sync'], ['torch']]) {
        const size = ['--steps', String(steps), '--rounds', String(rounds)];
        const { steps_per_s } = await torch<{ steps_per_s: number }>(
          peerPython,
          'ddp_train_torch',
          ...size,
          ...flags,
        );
        rates[name!]!.push(steps_per_s);
      }
    }
    log(`training, round ${round}: ${JSON.stringify(rates)}`);
  }
  const share = (with_: string, without: string) =>
    100 * median(rates[with_]!.map((rate, round) => rate / rates[without]![round]!));
  const name = 'MLP 784-1000-1000-10, batch 256 a rank, 2 ranks';
  const theirs = rates.torch!.length > 0 ? share('torch', 'torchNone') : null;
  const peer = theirs === null ? '' : 'torch DDP, gloo';
  const rate = (mode: string, torchMode: string, what: string) =>
    row({
      case: `${name}: ${what}`,
      backend: 'tensorflow',
      peer,
      ours: median(rates[mode]!),
      theirs: theirs === null ? null : median(rates[torchMode]!),
      unit: 'steps/s',
    });
  return [
    row({
      case: `${name}: share kept with communication`,
      backend: 'tensorflow',
      peer,
      ours: share('overlap', 'none'),
      theirs,
      unit: '%',
    }),
    row({
      case: `${name}: share kept, overlap: false`,
      backend: 'tensorflow',
      peer,
      ours: share('serial', 'none'),
      theirs,
      unit: '%',
    }),
    rate('none', 'torchNone', 'no communication'),
    rate('overlap', 'torch', 'with communication'),
  ];
}

async function benchMemory({ quick, log }: BenchContext, anchor: string): Promise<BenchRow[]> {
  const [steps, rounds] = quick ? [5, 2] : [250, 4];
  const { leaked, grown } = await ours<{ leaked: number; grown: number }>(
    2,
    'threads',
    'train',
    'memory',
    steps,
    rounds,
    anchor,
  );
  log(`${steps * rounds} steps: ${leaked} tensors leaked, ${grown.toFixed(1)} MB grown`);
  const name = `${steps * rounds} training steps on 2 ranks`;
  return [
    row({ case: `${name}: tensors leaked`, backend: 'tensorflow', ours: leaked, unit: 'tensors' }),
    row({
      case: `${name}: growth of the process after the first ${steps}`,
      backend: 'tensorflow',
      ours: grown,
      unit: 'MB',
    }),
  ];
}

async function benchAccuracy({ quick, log }: BenchContext, anchor: string): Promise<BenchRow[]> {
  const target = quick ? 0.2 : 0.95;
  interface Found {
    seconds: number;
    steps: number;
    accuracy: number;
  }
  const found: Record<1 | 2, Found[]> = { 1: [], 2: [] };
  for (let round = 0; round < (quick ? 1 : 3); round++) {
    for (const ranks of [1, 2] as const)
      found[ranks].push(await ours<Found>(ranks, 'threads', 'accuracy', target, anchor));
    log(`time to ${100 * target} %, round ${round}: ${JSON.stringify([found[1].at(-1), found[2].at(-1)])}`);
  }
  const seconds = (ranks: 1 | 2) => median(found[ranks].map((each) => each.seconds));
  return [
    row({
      case: `time to ${100 * target} % on held-out data, 256 samples a step in all, 1 thread a rank`,
      backend: 'tensorflow',
      peer: 'ddp on 1 rank',
      ours: seconds(2),
      theirs: seconds(1),
      unit: 's',
      note: `ours on 2 ranks; ${found[1][0]!.steps} steps on 1 rank, ${found[2][0]!.steps} on 2; several GPUs: untested, none was here`,
    }),
  ];
}

export default async function bench(context: BenchContext): Promise<BenchRow[]> {
  const rows = await benchAllReduce(context);
  const anchor = tfjsNodeAnchor();
  if (!anchor) {
    context.log(
      'tfjs-node is absent, so the training rows are left out: npm run setup:backends -- tensorflow',
    );
    return rows;
  }
  rows.push(...(await benchTraining(context, anchor)));
  rows.push(...(await benchMemory(context, anchor)));
  rows.push(...(await benchAccuracy(context, anchor)));
  return rows;
}
