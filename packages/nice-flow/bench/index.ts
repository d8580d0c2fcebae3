/** Training steps of NICE and Glow, a spline coupling and a MAF beside torch: tensorflow with two threads each, wasm (one thread) with one each. */
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { type BenchContext, type BenchRow, median, type PeerProcess, startPeer } from '@tfkit/bench';
import { findTestTargets } from '@tfkit/test-kit/availability';

const worker = fileURLToPath(new URL('stepWorker.ts', import.meta.url));
const peerOf = (script: string) => fileURLToPath(new URL(`peers/${script}.py`, import.meta.url));
const tsconfig = fileURLToPath(new URL('../../../tsconfig.base.json', import.meta.url));
const tsx = createRequire(import.meta.url).resolve('tsx/cli');

const cases = {
  nice: {
    title: 'NICE training step, 784-D, 4 couplings, 5x1000, batch 200, Adam',
    peer: 'torch',
    bars: { tensorflow: 1.5, wasm: 4 },
    rounds: 7,
    script: 'nice_flow',
    how: "core's fused Adam",
  },
  glow: {
    title: 'Glow training step, L=2, K=8, hidden 128, 16x16x3, batch 16, Adam',
    peer: 'torch',
    bars: { tensorflow: 2.5, wasm: 10 },
    rounds: 9,
    script: 'nice_flow',
    how: "core's fused Adam",
  },
  spline: {
    title: 'RQ-spline coupling, 64-D, 8 bins, MLP 2x128, batch 512: forward, gradient, inverse',
    peer: "torch, nflows' way",
    bars: { tensorflow: 2, wasm: 4 },
    rounds: 15,
    script: 'spline_flow',
    how: 'one op each way',
  },
  maf: {
    title: 'MAF density, 64-D, 5 layers 2x128, batch 512',
    peer: 'torch',
    bars: { tensorflow: 2, wasm: 4 },
    rounds: 15,
    script: 'spline_flow',
    how: 'one pass a layer',
  },
} as const;

type CaseName = keyof typeof cases;
type Times = { wall: number; cpu: number; tensors?: number; missing?: string };

export default async function bench(context: BenchContext): Promise<BenchRow[]> {
  const isThere = new Set(findTestTargets().flatMap(({ target, available }) => (available ? [target] : [])));
  const rows: BenchRow[] = [];
  for (const [backend, threads] of [
    ['tensorflow', 2],
    ['wasm', 1],
  ] as const) {
    if (!isThere.has(backend)) {
      context.log(`nice-flow: ${backend} is absent, its rows are left out`);
      continue;
    }
    for (const name of Object.keys(cases) as CaseName[])
      rows.push(...(await benchCase(context, backend, threads, name)));
  }
  return rows;
}

async function benchCase(
  { peerPython, quick, log }: BenchContext,
  backend: 'tensorflow' | 'wasm',
  threads: number,
  name: CaseName,
): Promise<BenchRow[]> {
  const { title, peer, bars, script, how } = cases[name];
  const rounds = quick ? 1 : cases[name].rounds;
  const ours = startPeer(process.execPath, [tsx, '--tsconfig', tsconfig, worker, backend], threads);
  const theirs = peerPython ? startPeer(peerPython, [peerOf(script)], threads) : undefined;
  const ask = (process: PeerProcess) => process.request<Times>({ run: name });
  const times = { ours: [] as Times[], theirs: [] as Times[] };
  try {
    // Two rounds warm up: graphs, threads, buffers.
    for (let round = -2; round < rounds; round++) {
      const mine = await ask(ours);
      const other = theirs && (await ask(theirs));
      if (other?.missing) log(`nice-flow: ${peer} is left out: ${other.missing}`);
      if (round < 0) continue;
      times.ours.push(mine);
      if (other && !other.missing) times.theirs.push(other);
    }
  } finally {
    ours.close();
    theirs?.close();
  }
  const leaked = times.ours.at(-1)!.tensors! - times.ours[0]!.tensors!;
  if (leaked !== 0) throw new Error(`nice-flow bench: ${leaked} tensors leaked over ${rounds - 1} steps`);
  const of = (list: Times[], what: 'wall' | 'cpu') =>
    list.length > 0 ? median(list.map((time) => time[what])) : null;
  const [mine, other] = [of(times.ours, 'wall')!, of(times.theirs, 'wall')];
  log(`${title}, ${backend}: ${mine.toFixed(0)} ms, peer ${other?.toFixed(0) ?? 'absent'} ms`);
  const cpu = `CPU ${of(times.ours, 'cpu')!.toFixed(0)} and ${of(times.theirs, 'cpu')?.toFixed(0) ?? '-'} ms`;
  return [
    {
      ...{ package: 'nice-flow', case: title, backend, ours: mine, theirs: other, unit: 'ms wall' },
      peer: other === null ? '' : `${peer}, ${threads} ${threads === 1 ? 'thread' : 'threads'}`,
      ratio: other && mine / other,
      note: `${how}; bar ${bars[backend]}; ${cpu}`,
    },
  ];
}
