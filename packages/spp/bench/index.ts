/** The pools on wasm and tensorflow, one thread, beside torch, beside compositions of tfjs' pools, and beside single calls. */
import { fileURLToPath } from 'node:url';
import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-wasm';
import {
  alternate,
  type BenchContext,
  type BenchRow,
  median,
  type PeerProcess,
  startPeer,
} from '@tfkit/bench';
import { ensureGradients, ensureKernels } from '@tfkit/core/tfjs';
import { roiAlign, spatialPyramidPool, sppf, sppWindow } from '@tfkit/spp';
import { findTestTargets } from '@tfkit/test-kit/availability';
import { loadTensorFlow } from '@tfkit/test-kit/node-backends';

const tfjs = `tfjs ${tf.version_core}`;

export default async function bench(context: BenchContext): Promise<BenchRow[]> {
  const script = fileURLToPath(new URL('peers/spp.py', import.meta.url));
  const torch = context.peerPython ? startPeer(context.peerPython, [script]) : undefined;
  const versions = await torch?.request<Versions>({ versions: true });
  if (versions?.torchvision) await torch!.request({ boxes: randomBoxes(512) });
  const rows: BenchRow[] = [];
  try {
    for (const backend of ['wasm', 'tensorflow']) {
      if (backend === 'tensorflow') {
        const target = findTestTargets().find((candidate) => candidate.target === backend);
        if (!target?.available) {
          context.log(`spp: tensorflow is left out: ${target?.install}`);
          continue;
        }
        await loadTensorFlow();
      }
      await tf.setBackend(backend);
      await tf.ready();
      await ensureGradients();
      await ensureKernels();
      const peer = torch && versions ? { torch, versions } : undefined;
      const { log, quick } = context;
      for (const measure of [pyramids, windows, cascades, regions]) {
        log(`spp: ${backend}, ${measure.name}`);
        rows.push(...(await measure(backend, peer, quick)));
      }
    }
  } finally {
    torch?.close();
  }
  return rows;
}

interface Versions {
  readonly torch: string;
  readonly torchvision: string | null;
}

interface Peer {
  readonly torch: PeerProcess;
  readonly versions: Versions;
}

/** Runs and waits for one number, so that a GPU-like queue would be drained and nothing is copied. */
async function settle(tensor: tf.Tensor): Promise<void> {
  const one = tf.tidy(() => tf.slice(tf.reshape(tensor, [-1]), [0], [1]));
  tensor.dispose();
  await one.data();
  one.dispose();
}

/** Times ours and the peers in turn; CPU medians. */
async function race(
  ours: Record<string, () => tf.Tensor>,
  theirs: Record<string, () => Promise<{ cpu: number }>>,
  rounds: number,
): Promise<(name: string) => number> {
  const answers = new Map<string, number[]>(Object.keys(theirs).map((name) => [name, []]));
  const asked = Object.entries(theirs).map(([name, ask]) => [
    name,
    async () => void answers.get(name)!.push((await ask()).cpu),
  ]);
  const run = Object.entries(ours).map(([name, work]) => [name, () => settle(work())]);
  const times = await alternate(
    Object.fromEntries([...run, ...asked]) as Record<string, () => unknown>,
    rounds,
  );
  // The first answer of each warms up.
  return (name) => (answers.has(name) ? median(answers.get(name)!.slice(1)) : times[name]!.cpu);
}

const row = (
  backend: string,
  name: string,
  peer: string,
  ours: number,
  theirs: number | null,
  note: string,
): BenchRow => ({
  package: 'spp',
  case: name,
  backend,
  peer,
  ours,
  theirs,
  unit: 'ms CPU',
  ratio: theirs === null ? null : ours / theirs,
  note,
});

/** What one writes without this package: a slice and a pool over all of it for every bin. */
function composed(x: tf.Tensor4D): tf.Tensor {
  const [batch, height, width, channels] = x.shape;
  return tf.tidy(() => {
    const bins: tf.Tensor[] = [];
    for (const n of [1, 2, 4]) {
      const [h, w] = [height / n, width / n];
      for (let i = 0; i < n; i++) {
        for (let j = 0; j < n; j++) {
          const part = tf.slice(x, [0, i * h, j * w, 0], [batch, h, w, channels]);
          bins.push(tf.reshape(tf.maxPool(part, [h, w], 1, 'valid'), [batch, channels]));
        }
      }
    }
    return tf.concat(bins, 1);
  });
}

async function pyramids(backend: string, peer: Peer | undefined, quick: boolean): Promise<BenchRow[]> {
  const x = tf.randomNormal([8, 64, 64, 256], 0, 1, 'float32', 1) as tf.Tensor4D;
  const dy = tf.ones([8, 21 * 256]);
  const gradient = tf.grad((z) => spatialPyramidPool(z));
  const ask = (pass: string) => () => peer!.torch.request<{ cpu: number }>({ case: 'spp', pass });
  const rounds = quick ? 2 : 9;
  const times = await race(
    { forward: () => spatialPyramidPool(x), both: () => gradient(x, dy) },
    peer ? { torchForward: ask('forward'), torchBoth: ask('both') } : {},
    rounds,
  );
  const slow = await race(
    {
      composedForward: () => composed(x),
      composedBoth: () => tf.grad((z) => composed(z as tf.Tensor4D))(x, dy),
    },
    {},
    quick ? 1 : 3,
  );
  tf.dispose([x, dy]);
  const name = (pass: string) => `SPP levels 1,2,4 on 8x64x64x256, ${pass}`;
  const bar = backend === 'wasm' ? 'bar 1.5' : 'bar 3';
  const torch = `torch ${peer?.versions.torch} CPU, channels last, 1 thread`;
  const composition = `${tfjs} slice + maxPool per bin`;
  return [
    ...(peer
      ? [
          row(backend, name('forward'), torch, times('forward'), times('torchForward'), ''),
          row(backend, name('forward + backward'), torch, times('both'), times('torchBoth'), bar),
        ]
      : []),
    row(backend, name('forward'), composition, times('forward'), slow('composedForward'), ''),
    row(backend, name('forward + backward'), composition, times('both'), slow('composedBoth'), 'bar 0.2'),
  ];
}

/** Corners in an image of 1024 pixels, sides of 60 to 460. */
function randomBoxes(count: number): number[][] {
  let state = 1;
  const random = () => {
    state = (state * 16807) % 2147483647;
    return state / 2147483647;
  };
  return Array.from({ length: count }, () => {
    const [x, y] = [random() * 900, random() * 900];
    return [0, x, y, Math.min(1023, x + 60 + random() * 400), Math.min(1023, y + 60 + random() * 400)];
  });
}

async function windows(backend: string, _peer: Peer | undefined, quick: boolean): Promise<BenchRow[]> {
  const map = tf.randomNormal([1, 64, 64, 256], 0, 1, 'float32', 1) as tf.Tensor4D;
  const boxes = randomBoxes(1000);
  // The same matrix, of one call a window.
  const oneByOne = (pool: (box: number[]) => tf.Tensor) => tf.tidy(() => tf.concat(boxes.map(pool)));
  const crop = ([, x1, y1, x2, y2]: number[]) => {
    const [left, top] = [Math.floor(x1! / 16), Math.floor(y1! / 16)];
    const size: [number, number] = [Math.ceil(y2! / 16) - top, Math.ceil(x2! / 16) - left];
    return composedAny(tf.slice(map, [0, top, left, 0], [1, ...size, 256]));
  };
  const times = await race(
    {
      together: () => sppWindow(map, boxes, { stride: 16 }),
      single: () => oneByOne((box) => sppWindow(map, [box], { stride: 16 })),
      composed: () => oneByOne((box) => crop(box)),
    },
    {},
    quick ? 1 : 3,
  );
  map.dispose();
  const name = 'SPP of 1,000 windows of 1x64x64x256, forward';
  return [
    row(
      backend,
      name,
      '1,000 calls of sppWindow and a concat',
      times('together'),
      times('single'),
      'bar 0.1',
    ),
    row(
      backend,
      name,
      `1,000 times ${tfjs} slice + max per bin, and a concat`,
      times('together'),
      times('composed'),
      '',
    ),
  ];
}

/** Adaptive bins of a crop of any size, by tfjs alone. */
function composedAny(x: tf.Tensor4D): tf.Tensor {
  const [, height, width, channels] = x.shape;
  const bins: tf.Tensor[] = [];
  const edge = (i: number, n: number, size: number) =>
    [Math.floor((i * size) / n), Math.ceil(((i + 1) * size) / n)] as const;
  for (const n of [1, 2, 4]) {
    for (let i = 0; i < n; i++) {
      for (let j = 0; j < n; j++) {
        const [[top, bottom], [left, right]] = [edge(i, n, height), edge(j, n, width)];
        bins.push(tf.max(tf.slice(x, [0, top, left, 0], [1, bottom - top, right - left, channels]), [1, 2]));
      }
    }
  }
  return tf.concat(bins, 1);
}

async function cascades(backend: string, peer: Peer | undefined, quick: boolean): Promise<BenchRow[]> {
  const x = tf.randomNormal([8, 20, 20, 512], 0, 1, 'float32', 1) as tf.Tensor4D;
  const dy = tf.ones([8, 20, 20, 2048]);
  const independent = (z: tf.Tensor4D) =>
    tf.tidy(() => tf.concat([z, ...[5, 9, 13].map((k) => tf.maxPool(z, k, 1, 'same'))], 3));
  const ask = (pass: string) => () => peer!.torch.request<{ cpu: number }>({ case: 'sppf', pass });
  const times = await race(
    {
      cascade: () => sppf(x),
      independent: () => independent(x),
      cascadeBoth: () => tf.grad((z) => sppf(z as tf.Tensor4D))(x, dy),
    },
    peer ? { torchForward: ask('forward'), torchBoth: ask('both') } : {},
    quick ? 1 : 3,
  );
  tf.dispose([x, dy]);
  const name = (pass: string) => `SPPF 5,5,5 on 8x20x20x512, ${pass}`;
  const torch = `torch ${peer?.versions.torch} CPU SPPF, channels last, 1 thread`;
  return [
    row(
      backend,
      name('forward'),
      `YOLO-SPP: ${tfjs} maxPool 5, 9, 13`,
      times('cascade'),
      times('independent'),
      'bar 0.6',
    ),
    ...(peer
      ? [
          row(backend, name('forward'), torch, times('cascade'), times('torchForward'), ''),
          row(backend, name('forward + backward'), torch, times('cascadeBoth'), times('torchBoth'), ''),
        ]
      : []),
  ];
}

async function regions(backend: string, peer: Peer | undefined, quick: boolean): Promise<BenchRow[]> {
  const map = tf.randomNormal([1, 64, 64, 256], 0, 1, 'float32', 1) as tf.Tensor4D;
  const boxes = randomBoxes(512);
  const options = { outputSize: 7, spatialScale: 1 / 16, samplingRatio: 2 } as const;
  const dy = tf.ones([512, 7, 7, 256]);
  const withVision = peer?.versions.torchvision ? peer : undefined;
  const ask = (pass: string) => () => withVision!.torch.request<{ cpu: number }>({ case: 'roi-align', pass });
  const times = await race(
    {
      forward: () => roiAlign(map, boxes, options),
      both: () => tf.grad((z) => roiAlign(z as tf.Tensor4D, boxes, options))(map, dy),
    },
    withVision ? { visionForward: ask('forward'), visionBoth: ask('both') } : {},
    quick ? 1 : 3,
  );
  tf.dispose([map, dy]);
  const vision = withVision ? `torchvision ${peer?.versions.torchvision}, channels last, 1 thread` : '';
  const theirs = (name: string) => (withVision ? times(name) : null);
  const name = (pass: string) => `RoIAlign 512 boxes 7x7, 4 samples a bin, on 1x64x64x256, ${pass}`;
  const note = withVision ? '' : 'torchvision is not here';
  return [
    row(backend, name('forward'), vision, times('forward'), theirs('visionForward'), note),
    row(backend, name('forward + backward'), vision, times('both'), theirs('visionBoth'), note),
  ];
}
