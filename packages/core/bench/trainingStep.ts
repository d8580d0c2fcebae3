/** A training step of the tour's network: tfkit on wasm beside stock tfjs on cpu (on wasm it cannot train at all). */
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { type BenchContext, type BenchRow, median, startPeer } from '@tfkit/bench';

const worker = fileURLToPath(new URL('stepWorker.ts', import.meta.url));
const tsconfig = fileURLToPath(new URL('../../../tsconfig.base.json', import.meta.url));
const tsx = createRequire(import.meta.url).resolve('tsx/cli');

export async function benchTrainingStep({ quick, log }: BenchContext): Promise<BenchRow[]> {
  const start = (backend: string, variant: string) =>
    startPeer(process.execPath, [tsx, '--tsconfig', tsconfig, worker, backend, variant]);
  const peers = { stock: start('cpu', 'stock'), wasm: start('wasm', 'tfkit'), cpu: start('cpu', 'tfkit') };
  const times = { stock: [] as number[], wasm: [] as number[], cpu: [] as number[] };
  const rounds = quick ? 1 : 2;
  for (let round = 0; round <= rounds; round++) {
    for (const name of Object.keys(peers) as (keyof typeof peers)[]) {
      const { wall } = await peers[name].request<{ wall: number }>({});
      log(`training step, ${name}, round ${round}: ${wall.toFixed(0)} ms`);
      // The first step of each warms up: compilation, buffers.
      if (round > 0) times[name].push(wall);
    }
  }
  for (const peer of Object.values(peers)) peer.close();
  const theirs = median(times.stock);
  return (['wasm', 'cpu'] as const).map((backend) => ({
    package: 'core',
    case: "training step of the tour's network, batch 8x64x64",
    backend,
    peer: 'stock tfjs 4.22.0 on cpu',
    ours: median(times[backend]),
    theirs,
    unit: 'ms',
    ratio: median(times[backend]) / theirs,
  }));
}
