import { rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { type BenchContext, type BenchRow, median, type PeerProcess, startPeer } from '@tfkit/bench';
import {
  ConfusionMatrix,
  type ConfusionMatrixJson,
  hausdorffDistance,
  meanIou,
  parseConfusionMatrix,
  surfaceDistances,
} from '@tfkit/seg-metrics';
import { coherentMaps, columns, disks, rows } from './maps';

const peerScript = fileURLToPath(new URL('./peers/seg_metrics.py', import.meta.url));

export default async function bench(context: BenchContext): Promise<BenchRow[]> {
  const peer = context.peerPython ? startPeer(context.peerPython, [peerScript]) : undefined;
  if (!peer) context.log('seg-metrics: no PEER_PYTHON, rows of peers are left out');
  const file = join(tmpdir(), `seg-metrics-bench-${process.pid}.bin`);
  try {
    const result: BenchRow[] = [];
    for (const classes of [19, 150]) {
      context.log(`seg-metrics: counting, ${classes} classes`);
      result.push(...(await benchCounts(classes, context, peer, file)));
    }
    context.log('seg-metrics: HD95');
    result.push(await benchHd95(context, peer, file));
    return result;
  } finally {
    peer?.close();
    rmSync(file, { force: true });
  }
}

interface Sample {
  readonly wall: number;
  readonly value: number;
}

async function timed(work: () => number | Promise<number>): Promise<Sample> {
  const start = performance.now();
  const value = await work();
  return { wall: performance.now() - start, value };
}

const warmUps = 5;

/**
 * All candidates take turns, the first turns to warm up (the threads compile their own code); every one must give the same
 * score, or nothing is reported.
 */
async function alternateSamples(candidates: Record<string, () => Promise<Sample>>, rounds: number) {
  const walls: Record<string, number[]> = {};
  for (let round = -warmUps; round < rounds; round++) {
    let first: number | undefined;
    for (const [name, run] of Object.entries(candidates)) {
      const { wall, value } = await run();
      first ??= value;
      if (Math.abs(value - first) > 1e-6)
        throw new Error(`seg-metrics bench: ${name} gives ${value}, not ${first}`);
      if (round >= 0) walls[name] = [...(walls[name] ?? []), wall];
    }
  }
  return (name: string) => (walls[name] ? median(walls[name]) : undefined);
}

async function benchCounts(
  classes: number,
  { quick }: BenchContext,
  peer: PeerProcess | undefined,
  file: string,
): Promise<BenchRow[]> {
  const count = quick ? 2 : 16;
  const pixels = count * rows * columns;
  const size = rows * columns;
  const shared = new SharedArrayBuffer(2 * count * size);
  const bytes = new Uint8Array(shared);
  coherentMaps(count, classes).forEach(({ target, prediction }, i) => {
    bytes.set(target, 2 * i * size);
    bytes.set(prediction, (2 * i + 1) * size);
  });
  const view = (index: number) => new Uint8Array(shared, index * size, size);
  const ours = () => {
    const matrix = new ConfusionMatrix({ numClasses: classes, ignoreIndex: 255 });
    for (let i = 0; i < count; i++) matrix.update(view(2 * i + 1), view(2 * i));
    return meanIou(matrix).value;
  };
  const workers = [0, 1].map(
    () =>
      new Worker(new URL('./countWorker.mjs', import.meta.url), { workerData: { shared, classes, size } }),
  );
  const two = async () => {
    const halves = workers.map((worker, k) => {
      const maps = Array.from({ length: count }, (_, i) => i).filter((i) => i % 2 === k);
      return new Promise<ConfusionMatrixJson>((resolve, reject) => {
        worker.once('message', resolve);
        worker.once('error', reject);
        worker.postMessage(maps);
      });
    });
    const [a, b] = (await Promise.all(halves)).map(parseConfusionMatrix);
    return meanIou(a!.merge(b!)).value;
  };
  let versions: Record<string, string> = {};
  if (peer) {
    writeFileSync(file, bytes);
    versions = await peer.request({ load: file, maps: count, classes, shape: [rows, columns] });
  }
  const ask = (run: string) => () => peer!.request<Sample>({ run });
  const wall = await alternateSamples(
    {
      ours: () => timed(ours),
      two: () => timed(two),
      ...(peer && { fast_hist: ask('fast_hist'), torchmetrics: ask('torchmetrics') }),
    },
    quick ? 1 : 15,
  ).finally(() => Promise.all(workers.map((worker) => worker.terminate())));
  const rate = (ms: number) => pixels / ms / 1e3;
  const row = (name: string, mine: string, theirs: string, note: string): BenchRow => ({
    ...{ package: 'seg-metrics', backend: 'none', peer: name, unit: 'Mpixel/s', note },
    case: `confusion matrix + mIoU, ${count} maps ${rows}x${columns} uint8, ${classes} classes`,
    ours: rate(wall(mine)!),
    theirs: rate(wall(theirs)!),
    ratio: wall(theirs)! / wall(mine)!,
  });
  return [
    row('one thread of ours', 'two', 'ours', 'two worker threads over shared memory, bar 1.6'),
    ...(peer
      ? [
          row(`numpy ${versions.numpy} masked fast_hist`, 'ours', 'fast_hist', 'one thread, bar 2.5'),
          row(
            `torchmetrics ${versions.torchmetrics} validate_args=False`,
            'ours',
            'torchmetrics',
            'one thread, bar 8',
          ),
        ]
      : []),
  ];
}

async function benchHd95(
  { quick }: BenchContext,
  peer: PeerProcess | undefined,
  file: string,
): Promise<BenchRow> {
  const { prediction, target } = disks();
  const ours = () =>
    hausdorffDistance(surfaceDistances(prediction, target, { shape: [512, 512] }), { percentile: 95 });
  let versions: Record<string, string> = {};
  if (peer) {
    writeFileSync(file, Buffer.concat([target, prediction]));
    versions = await peer.request({ load: file, maps: 1, shape: [512, 512] });
  }
  const wall = await alternateSamples(
    { ours: () => timed(ours), ...(peer && { hd95: () => peer.request<Sample>({ run: 'hd95' }) }) },
    quick ? 2 : 25,
  );
  const theirs = wall('hd95') ?? null;
  return {
    ...{ package: 'seg-metrics', case: 'HD95, 512x512 pair of masks', backend: 'none', unit: 'ms' },
    peer: theirs === null ? '' : `scipy ${versions.scipy} edt, cropped as in MONAI`,
    ours: wall('ours')!,
    theirs,
    ratio: theirs && wall('ours')! / theirs,
    note: 'one thread, bar 1',
  };
}
