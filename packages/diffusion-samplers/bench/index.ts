import { fileURLToPath } from 'node:url';
import { type BenchContext, type BenchRow, median, type PeerProcess, startPeer } from '@tfkit/bench';
import { createPlan, iterate, karras, type Plan, spaced, vp } from '@tfkit/diffusion-samplers';
import * as solvers from '@tfkit/diffusion-samplers/solvers';
import { benchAdaptiveOde } from './adaptiveOde';

const script = fileURLToPath(new URL('./peers/diffusion_step.py', import.meta.url));

const schedule = vp({ betas: 'scaled-linear', betaStart: 0.00085, betaEnd: 0.012 });
const choices = { schedule, grid: spaced({ spacing: 'linspace' }), prediction: 'epsilon' } as const;

/** Ours beside the peer's name, and the bar of the ratio. */
const timed = {
  ddim: { solver: solvers.ddim(), bar: 1 },
  euler: { solver: solvers.euler(), bar: 1 },
  dpmpp_2m: { solver: solvers.dpmSolver(), bar: 0.35 },
  unipc: { solver: solvers.uniPc(), bar: 0.2 },
  heun: { solver: solvers.heun(), bar: 1 },
} as const;

const steps = 20;

export default async function bench(context: BenchContext): Promise<BenchRow[]> {
  const peer = context.peerPython ? startPeer(context.peerPython, [script]) : undefined;
  if (!peer) context.log('diffusion-samplers: no PEER_PYTHON, rows of peers are left out');
  try {
    const name = peer ? (await peer.request<{ peer: string }>({ info: 1 })).peer : '';
    const rows: BenchRow[] = [];
    for (const size of [64, 128]) {
      context.log(`diffusion-samplers: steps at 1x4x${size}x${size}`);
      rows.push(...(await benchSteps([1, 4, size, size], context, peer, name)));
    }
    context.log('diffusion-samplers: adaptive ODE');
    rows.push(...(await benchAdaptiveOde(context)));
    context.log('diffusion-samplers: compiling plans');
    return [...rows, ...benchCompile(context)];
  } finally {
    peer?.close();
  }
}

/** Time of the engine alone, a call: the model returns a fixed array. */
async function engineTime(plan: Plan, shape: readonly number[], output: Float32Array): Promise<number> {
  let outside = 0;
  let left = 0;
  const x = output;
  const start = performance.now();
  for await (const _ of iterate(plan, () => output, { shape, x, noise: () => output })) {
    left = performance.now();
    outside = left - start;
  }
  return outside / plan.modelCalls;
}

async function benchSteps(
  shape: readonly number[],
  { quick }: BenchContext,
  peer: PeerProcess | undefined,
  peerName: string,
): Promise<BenchRow[]> {
  const size = shape.reduce((a, b) => a * b, 1);
  const output = Float32Array.from({ length: size }, (_, i) => Math.sin(i));
  const rows: BenchRow[] = [];
  const samples = new Map(
    Object.keys(timed).map((key) => [key, { ours: [] as number[], theirs: [] as number[] }]),
  );
  for (let round = -3; round < (quick ? 3 : 60); round++) {
    for (const [key, { solver }] of Object.entries(timed)) {
      const ours = await engineTime(createPlan({ ...choices, solver, steps }), shape, output);
      const theirs =
        peer && (await peer.request<{ ms: number; calls: number }>({ sampler: key, shape, steps }));
      if (round < 0) continue;
      samples.get(key)!.ours.push(1000 * ours);
      if (theirs) samples.get(key)!.theirs.push((1000 * theirs.ms) / theirs.calls);
    }
  }
  for (const [key, { bar }] of Object.entries(timed)) {
    const { ours, theirs } = samples.get(key)!;
    const [mine, other] = [median(ours), theirs.length ? median(theirs) : null];
    rows.push({
      ...{ package: 'diffusion-samplers', backend: 'Float32Array', unit: 'us', peer: peerName },
      case: `${key}, engine time a model call, ${shape.join('x')}`,
      ...{ ours: mine, theirs: other, ratio: other === null ? null : mine / other, note: `bar ${bar}` },
    });
  }
  return rows;
}

/** The slowest solver of all to compile. */
function benchCompile({ quick }: BenchContext): BenchRow[] {
  const all = { ...solvers } as unknown as Record<string, () => solvers.Solver>;
  const times = Object.entries(all).map(([name, make]) => {
    const options = { ...choices, grid: karras({ final: 0.01 }), solver: make(), steps: 1000 };
    // A plan has as many steps as it was asked for, except that 'repaint' and 'restart' go back and forth.
    const runs = Array.from({ length: quick ? 3 : 15 }, () => {
      const start = performance.now();
      const plan = createPlan(options);
      return ((performance.now() - start) * options.steps) / plan.steps.length;
    });
    return { name, ms: median(runs.slice(1)) };
  });
  const slowest = times.reduce((worst, next) => (next.ms > worst.ms ? next : worst));
  const fixed = { package: 'diffusion-samplers', backend: 'none', peer: '', theirs: null, ratio: null };
  return [
    {
      ...fixed,
      case: `createPlan, a plan of 1000 steps, slowest of ${times.length} solvers (${slowest.name})`,
      ours: slowest.ms,
      unit: 'ms',
      note: 'bar 20 ms',
    },
  ];
}
