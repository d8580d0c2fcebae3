/**
 * Convolutions with gradients at dilation 1, 2, 4, 8 on each backend of Node, beside torch; a causal TCN; memory. Each
 * backend runs in a process of its own, one thread each, and takes turns with torch.
 * On a busy machine it can be narrowed: BENCH_BACKENDS=wasm,cpu BENCH_PARTS=conv,tcn,memory BENCH_ROUNDS=3.
 */
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { type BenchContext, type BenchRow, median, type PeerProcess, startPeer } from '@tfkit/bench';
import { findTestTargets } from '@tfkit/test-kit/availability';
import type { Answer, Request } from './worker';

const dilations = [1, 2, 4, 8];

const parts = process.env.BENCH_PARTS?.split(',') ?? ['conv', 'tcn', 'memory'];
const roundLimit = Number(process.env.BENCH_ROUNDS ?? Infinity);

interface Plan {
  /** Images a batch: fewer where a backend is too slow for four. */
  readonly batch: number;
  readonly rounds: number;
  /** Which clock: the CPU's is steady on one thread, but a GPU's work is not in it. */
  readonly clock: 'cpu' | 'wall';
  /** Most that forward + backward may be of torch's. */
  readonly bar?: number;
  readonly tcnRounds?: number;
}

const plans: Record<string, Plan> = {
  tensorflow: { batch: 4, rounds: 11, clock: 'cpu', bar: 1.2, tcnRounds: 3 },
  wasm: { batch: 4, rounds: 9, clock: 'cpu', bar: 4.5, tcnRounds: 3 },
  cpu: { batch: 1, rounds: 5, clock: 'cpu' },
  webgpu: { batch: 1, rounds: 1, clock: 'wall' },
};

export default async function bench(context: BenchContext): Promise<BenchRow[]> {
  const { peerPython, log } = context;
  const script = fileURLToPath(new URL('peers/dilated_conv.py', import.meta.url));
  const torch = peerPython ? startPeer(peerPython, [script]) : undefined;
  const rows: BenchRow[] = [];
  const only = process.env.BENCH_BACKENDS?.split(',');
  for (const { target, available, install } of findTestTargets()) {
    const plan = plans[target];
    if (!plan || (only && !only.includes(target))) continue;
    if (!available) {
      log(`${target} is left out (${install})`);
      continue;
    }
    rows.push(...(await onBackend(target, plan, torch, context)));
  }
  torch?.close();
  return rows;
}

async function onBackend(
  backend: string,
  plan: Plan,
  torch: PeerProcess | undefined,
  { quick, log }: BenchContext,
): Promise<BenchRow[]> {
  const worker = startWorker(backend);
  const rows: BenchRow[] = [];
  if (parts.includes('conv')) {
    log(`${backend}: convolutions`);
    const rounds = Math.min(quick ? 1 : plan.rounds, roundLimit);
    rows.push(...(await convolutions(backend, { ...plan, rounds }, worker, torch)));
  }
  if (plan.tcnRounds && !quick && parts.includes('tcn')) {
    log(`${backend}: TCN`);
    rows.push(await network(backend, plan, worker, torch));
  }
  worker.close();
  if (plan.clock === 'cpu' && parts.includes('memory')) {
    log(`${backend}: memory`);
    rows.push(await memory(backend));
  }
  return rows;
}

/** From source: the loaders of test backends use parts of core that are not exported. */
function startWorker(backend: string): PeerProcess {
  const tsconfig = fileURLToPath(new URL('../../../tools/tsconfig.source.json', import.meta.url));
  const tsx = createRequire(import.meta.url).resolve('tsx/cli');
  const file = fileURLToPath(new URL('worker.ts', import.meta.url));
  return startPeer(process.execPath, [tsx, '--tsconfig', tsconfig, file, backend]);
}

const ask = (worker: PeerProcess, request: Request) => worker.request<Answer>(request);

interface Peer extends Answer {
  readonly version: string;
}

const row = (backend: string, name: string, ours: number, rest: Partial<BenchRow>): BenchRow => {
  const { theirs = null } = rest;
  return {
    ...{ package: 'dilated-conv', case: name, backend, peer: '', ours, unit: 'ms CPU', note: '' },
    ...rest,
    theirs,
    ratio: theirs === null ? null : ours / theirs,
  };
};

async function convolutions(
  backend: string,
  { batch, rounds, clock, bar }: Plan,
  worker: PeerProcess,
  torch: PeerProcess | undefined,
): Promise<BenchRow[]> {
  const samples = new Map<string, number[]>();
  const keep = (key: string, value: number) => samples.set(key, [...(samples.get(key) ?? []), value]);
  let version = '';
  // The first round warms up.
  for (let round = 0; round <= rounds; round++) {
    for (const dilation of dilations) {
      // On a GPU in software a pass takes seconds, and torch has nothing to be set beside.
      for (const pass of clock === 'cpu' ? (['forward', 'all'] as const) : (['all'] as const)) {
        const ours = await ask(worker, { op: 'conv', batch, dilation, pass });
        const theirs =
          clock === 'cpu'
            ? await torch?.request<Peer>({ op: 'conv', dilation, pass, channelsLast: true })
            : undefined;
        if (round === 0) continue;
        keep(`ours ${pass} ${dilation}`, ours[clock]);
        if (theirs) keep(`torch ${pass} ${dilation}`, theirs.cpu);
        version = theirs?.version ?? version;
      }
    }
  }
  const of = (who: string, pass: string, dilation: number) =>
    median(samples.get(`${who} ${pass} ${dilation}`)!);
  const unit = clock === 'cpu' ? 'ms CPU' : 'ms wall';
  const software = backend === 'webgpu' ? '; SwiftShader, so read the ratio alone' : '';
  return dilations.flatMap((dilation) => {
    const name = (pass: string) =>
      `conv2d ${batch}x64x64x64 * 3x3x64x64, dilation ${dilation}, ${pass === 'all' ? 'forward + both gradients' : pass}`;
    const rows: BenchRow[] = [];
    const all = of('ours', 'all', dilation);
    if (dilation > 1) {
      const theirs = of('ours', 'all', 1);
      rows.push(
        row(backend, name('all'), all, {
          peer: 'the same at dilation 1',
          theirs,
          unit,
          note: `bar 1.2${software}`,
        }),
      );
    }
    // torch always has four images; the work is proportional to them.
    if (torch && clock === 'cpu') {
      const scale = batch / 4;
      const peer = `torch ${version} CPU, 1 thread, NHWC`;
      for (const pass of ['forward', 'all']) {
        const note = [
          pass === 'all' && bar ? `bar ${bar}` : '',
          scale < 1 ? `theirs scaled by ${scale}` : '',
        ];
        const theirs = scale * of('torch', pass, dilation);
        rows.push(
          row(backend, name(pass), of('ours', pass, dilation), {
            peer,
            theirs,
            note: note.filter(Boolean).join('; '),
          }),
        );
      }
    } else if (dilation === 1) {
      rows.push(row(backend, name('all'), all, { unit }));
    }
    return rows;
  });
}

async function network(
  backend: string,
  { tcnRounds = 0, bar }: Plan,
  worker: PeerProcess,
  torch: PeerProcess | undefined,
): Promise<BenchRow> {
  const ours: number[] = [];
  const theirs: number[] = [];
  for (let round = 0; round <= Math.min(tcnRounds, roundLimit); round++) {
    const own = await ask(worker, { op: 'tcn' });
    const peer = await torch?.request<Peer>({ op: 'tcn' });
    if (round === 0) continue;
    ours.push(own.cpu);
    if (peer) theirs.push(peer.cpu);
  }
  return row(
    backend,
    'TCN 16x4096x64, 3 taps, 10 blocks of 2, rates 1..512, forward + backward',
    median(ours),
    {
      ...(torch ? { peer: 'torch CPU, 1 thread, NCL', theirs: median(theirs), note: `bar ${bar}` } : {}),
    },
  );
}

/** In a process of its own, since a peak is never forgotten. */
async function memory(backend: string): Promise<BenchRow> {
  const worker = startWorker(backend);
  const { peak } = await ask(worker, { op: 'memory', dilation: 2 });
  worker.close();
  return row(
    backend,
    'conv2d 16x64x64x64 * 3x3x64x64, dilation 2, peak memory of forward + backward',
    peak!,
    {
      ...{ unit: 'x inputs and outputs', note: 'resident memory; bar 3' },
    },
  );
}
