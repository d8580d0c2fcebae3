/** The ArcFace head beside pytorch-metric-learning and plain PyTorch: time, memory, hard angles, a shared file. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-cpu';
import { type BenchContext, type BenchRow, median, type PeerProcess, startPeer } from '@tfkit/bench';
import { ensureGradients, ensureKernels, saveSafetensors } from '@tfkit/core/tfjs';
import { arcFace, marginLoss } from '@tfkit/margin-softmax';

const at = (path: string) => fileURLToPath(new URL(path, import.meta.url));
const tsx = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href;
const script = at('peers/margin_head.py');
const megabytes = (numClasses: number) => (numClasses * 128 * 4) / 2 ** 20;

interface Sample {
  readonly wall: number;
  readonly cpu: number;
  readonly extra: number;
}

/** Large blocks go back to the system when freed: what is measured is what is held. */
const returning = ['MALLOC_MMAP_THRESHOLD_=65536', 'MALLOC_TRIM_THRESHOLD_=65536', 'MALLOC_TOP_PAD_=65536'];

const ours = (backend: string, variant: string, numClasses: number, threads: number, env: string[] = []) =>
  startPeer(
    'env',
    [
      ...env,
      `TSX_TSCONFIG_PATH=${at('../../../tsconfig.base.json')}`,
      process.execPath,
      // Not the program tsx: it starts a child without this flag.
      '--expose-gc',
      '--import',
      tsx,
      at('headWorker.ts'),
      backend,
      variant,
      String(numClasses),
    ],
    threads,
  );

export async function benchHead(context: BenchContext): Promise<BenchRow[]> {
  const { peerPython, quick, log } = context;
  const versions = peerPython && JSON.parse(execFileSync(peerPython, [script, 'info'], { encoding: 'utf8' }));
  const names: Record<string, string> = versions
    ? {
        pml: `pytorch-metric-learning ${versions.pml}`,
        plain: `plain torch ${versions.torch}`,
        exact: `plain torch ${versions.torch}, exact gradient`,
      }
    : {};
  const bench = { ...context, names };
  const rows: BenchRow[] = [];
  for (const numClasses of quick ? [1e4] : [1e4, 1e5])
    rows.push(...(await times(bench, 'tensorflow', numClasses, 2)));
  rows.push(...(await times(bench, 'wasm', quick ? 1e4 : 1e5, 1)));
  log('memory');
  for (const numClasses of quick ? [1e4] : [1e4, 1e5, 1e6]) rows.push(...(await memory(bench, numClasses)));
  rows.push(...(await demonstrations(bench)));
  return rows;
}

interface HeadContext extends BenchContext {
  readonly names: Record<string, string>;
}

async function times(
  { peerPython, names, quick, log }: HeadContext,
  backend: string,
  numClasses: number,
  threads: number,
): Promise<BenchRow[]> {
  const candidates: Record<string, PeerProcess> = {
    gradient: ours(backend, 'gradient', numClasses, threads),
    step: ours(backend, 'step', numClasses, threads),
  };
  for (const peer of Object.keys(names)) {
    candidates[peer] = startPeer(peerPython!, [script, peer, String(numClasses)], threads);
  }
  const samples = new Map(Object.keys(candidates).map((name) => [name, [] as Sample[]]));
  const rounds = quick ? 2 : 9;
  for (let round = 0; round <= rounds; round++) {
    for (const [name, process] of Object.entries(candidates)) {
      const sample = await process.request<Sample>({});
      if (round > 0) samples.get(name)!.push(sample);
    }
  }
  for (const process of Object.values(candidates)) process.close();
  const of = (name: string, field: 'wall' | 'cpu') =>
    median(samples.get(name)!.map((sample) => sample[field]));
  const rows = (['gradient', 'step'] as const).flatMap((variant) =>
    (Object.keys(names).length > 0 ? Object.keys(names) : ['']).flatMap((peer) =>
      (['wall', 'cpu'] as const).map((field): BenchRow => {
        const theirs = peer ? of(peer, field) : null;
        const what = variant === 'step' ? 'fused step (loss, gradient, SGD)' : 'forward + backward';
        return {
          package: 'margin-softmax',
          case: `ArcFace ${what}, N 64, D 128, C ${numClasses}, ${threads} thread${threads > 1 ? 's' : ''}`,
          backend,
          peer: names[peer] ?? '',
          ours: of(variant, field),
          theirs,
          unit: field === 'wall' ? 'ms' : 'ms CPU',
          ratio: theirs && of(variant, field) / theirs,
        };
      }),
    ),
  );
  log(
    `${backend} C ${numClasses}: ${[...samples.keys()].map((name) => `${name} ${of(name, 'wall').toFixed(0)}`).join(', ')} ms`,
  );
  return rows;
}

/** The peak of each in a process of its own, over three passes, in units of the weight matrix. */
async function memory({ peerPython, names, log }: HeadContext, numClasses: number): Promise<BenchRow[]> {
  const peak = async (process: PeerProcess) => {
    let extra = 0;
    for (let i = 0; i < 3; i++) ({ extra } = await process.request<Sample>({}));
    process.close();
    return extra / megabytes(numClasses);
  };
  const theirs: Record<string, number> = {};
  // At a million classes PyTorch's 5 GB are beyond the machine that the results are made on.
  const peers = numClasses < 1e6 ? Object.keys(names) : [];
  for (const peer of peers) {
    theirs[peer] = await peak(
      startPeer('env', [...returning, peerPython!, script, peer, String(numClasses)], 2),
    );
  }
  const rows: BenchRow[] = [];
  for (const variant of ['gradient', 'step']) {
    const mine = await peak(ours('tensorflow', variant, numClasses, 2, returning));
    const what = variant === 'step' ? 'fused step' : 'forward + backward, the gradient counted';
    log(`memory, ${what}, C ${numClasses}: ${mine.toFixed(2)} W`);
    for (const peer of peers.length > 0 ? peers : ['']) {
      rows.push({
        package: 'margin-softmax',
        case: `extra peak memory, ArcFace ${what}, C ${numClasses} (W = ${megabytes(numClasses).toFixed(1)} MB)`,
        backend: 'tensorflow',
        peer: names[peer] ?? '',
        ours: mine,
        theirs: theirs[peer] ?? null,
        unit: 'x W',
        ratio: peer ? mine / theirs[peer]! : null,
      });
    }
  }
  return rows;
}

/** Gradients through theta = 0 and pi, and one head's loss from one file. On the cpu backend. */
async function demonstrations({ peerPython, names }: HeadContext): Promise<BenchRow[]> {
  await tf.setBackend('cpu');
  await ensureGradients();
  await ensureKernels();
  const rows: BenchRow[] = [];
  const angles = [
    0,
    2 ** -20,
    2 ** -14,
    2 ** -12,
    2 ** -10,
    1,
    Math.PI - 2 ** -9,
    Math.PI - 2 ** -12,
    Math.PI,
  ];
  const points = angles.map((theta) => [Math.cos(theta), 0, Math.sin(theta)].map(Math.fround));
  const theirs: (number | null)[] | undefined =
    peerPython &&
    JSON.parse(execFileSync(peerPython, [script, 'angles', JSON.stringify(points)], { encoding: 'utf8' }));
  for (const [i, point] of points.entries()) {
    const gradient = tf.tidy(() => {
      const centres = tf.tensor2d([1, 0, 0, 0, 1, 0], [2, 3]);
      const loss = (x: tf.Tensor) => marginLoss(x as tf.Tensor2D, centres, [0], arcFace({ scale: 16 }));
      return tf.max(tf.abs(tf.grad(loss)(tf.tensor2d(point, [1, 3]))));
    });
    const theirValue = theirs?.[i] ?? null;
    rows.push({
      package: 'margin-softmax',
      case: `largest gradient by x, ArcFace s 16 m 0.5, float32, theta = ${angles[i]!.toPrecision(8)}`,
      backend: 'cpu',
      peer: names.pml ?? '',
      ours: (await gradient.data())[0]!,
      theirs: theirValue,
      unit: '',
      ratio: null,
      ...(theirs && theirValue === null ? { note: 'the peer gives NaN' } : {}),
    });
    gradient.dispose();
  }
  return [...rows, await sharedFile(peerPython, names)];
}

async function sharedFile(peerPython: string | undefined, names: Record<string, string>): Promise<BenchRow> {
  const embeddings = tf.randomNormal([32, 16], 0, 1, 'float32', 1) as tf.Tensor2D;
  const weight = tf.randomNormal([100, 16], 0, 0.01, 'float32', 2) as tf.Tensor2D;
  const ids = Int32Array.from({ length: 32 }, (_, i) => (i * 37) % 100);
  const labels = tf.tensor1d(ids, 'int32');
  const loss = marginLoss(embeddings, weight, labels, arcFace());
  const mine = (await loss.data())[0]!;
  let theirs: number | null = null;
  if (peerPython) {
    const folder = mkdtempSync(join(tmpdir(), 'margin-softmax-'));
    try {
      const path = join(folder, 'head.safetensors');
      writeFileSync(path, await saveSafetensors({ weight, embeddings, labels }));
      theirs = JSON.parse(execFileSync(peerPython, [script, 'loss', path], { encoding: 'utf8' }));
    } finally {
      rmSync(folder, { recursive: true });
    }
  }
  tf.dispose([embeddings, weight, labels, loss]);
  return {
    package: 'margin-softmax',
    case: "one head's ArcFace loss from one safetensors file, [C, D] as insightface lays it out",
    backend: 'cpu',
    peer: names.plain ? `${names.plain}, float64` : '',
    ours: mine,
    theirs,
    unit: 'loss',
    ratio: theirs && mine / theirs,
  };
}
