/** The kernels behind `ensureKernels`, beside those of stock tfjs and, for convolutions, torch. One thread each. */
import { fileURLToPath } from 'node:url';
import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-cpu';
import '@tensorflow/tfjs-backend-wasm';
import {
  alternate,
  type BenchContext,
  type BenchRow,
  median,
  type PeerProcess,
  startPeer,
} from '@tfkit/bench';
import { adam, ensureGradients, ensureKernels, linearCombination } from '@tfkit/core/tfjs';

const tfjs = `stock tfjs ${tf.version_core}`;
const row = (
  backend: string,
  name: string,
  peer: string,
  ours: number,
  theirs: number,
  note = '',
): BenchRow => ({
  package: 'core',
  case: name,
  backend,
  peer,
  ours,
  theirs,
  unit: 'ms CPU',
  ratio: ours / theirs,
  note,
});

export async function benchKernels(context: BenchContext): Promise<BenchRow[]> {
  await ensureGradients();
  return [...(await onWasm(context)), ...(await onCpu(context))];
}

type Stock = (name: string, inputs: Record<string, tf.Tensor>, attributes: object) => void;

/** Sets a backend and gives its own kernels, taken before ours replace them. */
async function stockOf(backend: string): Promise<Stock> {
  await tf.setBackend(backend);
  await tf.ready();
  const kernels = new Map(tf.getKernelsForBackend(backend).map((kernel) => [kernel.kernelName, kernel]));
  await ensureKernels();
  return (name, inputs, attributes) => {
    const output = kernels.get(name)!.kernelFunc({
      inputs,
      attrs: attributes as tf.NamedAttrMap,
      backend: tf.backend(),
    });
    tf.engine()
      .makeTensorFromTensorInfo(output as tf.TensorInfo)
      .dispose();
  };
}

const run = (name: string, inputs: Record<string, tf.Tensor>, attributes: object) =>
  tf.dispose(tf.engine().runKernel(name, inputs, attributes as tf.NamedAttrMap));

function convolution(n: number, size: number, channels: number, dilation: number) {
  const image: [number, number, number, number] = [n, size, size, channels];
  const filterShape: [number, number, number, number] = [3, 3, channels, channels];
  const x = tf.randomNormal(image, 0, 1, 'float32', 1);
  const dy = tf.randomNormal(image, 0, 1, 'float32', 2);
  const filter = tf.randomNormal(filterShape, 0, 0.05, 'float32', 3);
  const attributes = { strides: [1, 1], dilations: [dilation, dilation], pad: 'same', dataFormat: 'NHWC' };
  const gflop = (2 * n * size * size * 9 * channels * channels) / 1e9;
  return {
    x,
    dy,
    filter,
    attributes,
    gflop,
    forward: () => run('Conv2D', { x, filter }, attributes),
    toInput: () => run('TfkitConv2DBackpropInput', { dy, filter }, { ...attributes, inputShape: image }),
    toFilter: () => run('TfkitConv2DBackpropFilter', { x, dy }, { ...attributes, filterShape }),
    dispose: () => tf.dispose([x, dy, filter]),
  };
}

async function onWasm({ quick, log, peerPython }: BenchContext): Promise<BenchRow[]> {
  const stock = await stockOf('wasm');
  const script = fileURLToPath(new URL('peers/dilated_conv.py', import.meta.url));
  const torch = peerPython ? startPeer(peerPython, [script]) : undefined;
  const rows: BenchRow[] = [];
  for (const dilation of [1, 2]) {
    log(`wasm: convolution, dilation ${dilation}`);
    rows.push(...(await wasmConvolution(dilation, stock, torch, quick ? 2 : 9)));
  }
  torch?.close();
  rows.push(...(await products(stock, quick ? 3 : 15)), ...(await onePass('wasm', quick ? 3 : 25)));
  return rows;
}

async function wasmConvolution(
  dilation: number,
  stock: Stock,
  torch: PeerProcess | undefined,
  rounds: number,
): Promise<BenchRow[]> {
  const c = convolution(4, 64, 64, dilation);
  const peer = { forward: [] as number[], all: [] as number[] };
  const ask = async (pass: 'forward' | 'all') => {
    if (torch) peer[pass].push((await torch.request<{ cpu: number }>({ dilation, pass })).cpu);
  };
  const times = await alternate(
    {
      forward: c.forward,
      toInput: c.toInput,
      toFilter: c.toFilter,
      stock: () => stock('Conv2D', { x: c.x, filter: c.filter }, c.attributes),
      torchForward: () => ask('forward'),
      torchAll: () => ask('all'),
    },
    rounds,
  );
  c.dispose();
  const name = (pass: string) => `conv2d 4x64x64x64 * 3x3x64x64, dilation ${dilation}, ${pass}`;
  const { forward, toInput, toFilter } = times;
  const speed = ({ cpu }: { cpu: number }) => `${((c.gflop / cpu) * 1e3).toFixed(1)} GFLOP/s`;
  const rows = [
    row('wasm', name('forward'), `${tfjs}, forward`, forward.cpu, times.stock.cpu, speed(forward)),
    row('wasm', name('to input'), `${tfjs}, forward`, toInput.cpu, times.stock.cpu, speed(toInput)),
    row('wasm', name('to filter'), `${tfjs}, forward`, toFilter.cpu, times.stock.cpu, speed(toFilter)),
  ];
  if (torch) {
    // The first answer of each warms up.
    const all = forward.cpu + toInput.cpu + toFilter.cpu;
    rows.push(
      row('wasm', name('forward'), 'torch CPU, 1 thread', forward.cpu, median(peer.forward.slice(1))),
      row('wasm', name('forward + both'), 'torch CPU, 1 thread', all, median(peer.all.slice(1))),
    );
  }
  return rows;
}

/** 512 x 512 matrices, each operand as it is or transposed. */
async function products(stock: Stock, rounds: number): Promise<BenchRow[]> {
  const a = tf.randomNormal([1, 512, 512], 0, 1, 'float32', 1);
  const b = tf.randomNormal([1, 512, 512], 0, 1, 'float32', 2);
  const flags = { plain: [false, false], a: [true, false], b: [false, true], both: [true, true] } as const;
  const attributes = (key: keyof typeof flags) => ({ transposeA: flags[key][0], transposeB: flags[key][1] });
  const keys = Object.keys(flags) as (keyof typeof flags)[];
  const candidates = Object.fromEntries(
    keys.flatMap((key) => [
      [`ours ${key}`, () => run('BatchMatMul', { a, b }, attributes(key))],
      [`stock ${key}`, () => stock('BatchMatMul', { a, b }, attributes(key))],
    ]),
  );
  const times = await alternate(candidates, rounds);
  tf.dispose([a, b]);
  const ours = (key: string) => times[`ours ${key}`]!.cpu;
  return [
    ...keys.map((key) =>
      row('wasm', `matMul 512x512x512, transposed: ${key}`, tfjs, ours(key), times[`stock ${key}`]!.cpu),
    ),
    ...keys
      .slice(1)
      .map((key) =>
        row('wasm', `matMul 512x512x512, transposed: ${key}`, 'untransposed', ours(key), ours('plain')),
      ),
  ];
}

/** What tfjs composes of many ops and we do in one pass over memory. */
async function onePass(backend: string, rounds: number): Promise<BenchRow[]> {
  const xs = Array.from({ length: 6 }, (_, i) => tf.randomNormal([65536], 0, 1, 'float32', i));
  const coefficients = [0.1, -0.2, 0.3, -0.4, 0.5, -0.6];
  const composed = () =>
    tf.tidy(() => xs.map((x, i) => tf.mul(x, coefficients[i]!)).reduce((sum, term) => tf.add(sum, term)));
  const size = 4e6;
  const gradient = tf.randomNormal([size], 0, 1, 'float32', 9);
  const [ours, theirs] = [tf.variable(tf.zeros([size])), tf.variable(tf.zeros([size]))];
  const [fused, stock] = [adam(), tf.train.adam(1e-3)];
  const times = await alternate(
    {
      combination: () => linearCombination(coefficients, xs).dispose(),
      composed: () => composed().dispose(),
    },
    rounds * 10,
  );
  const steps = await alternate(
    {
      fused: () => fused.applyGradients({ [ours.name]: gradient } as never),
      stock: () => stock.applyGradients({ [theirs.name]: gradient } as never),
    },
    Math.max(2, Math.round(rounds / 3)),
  );
  fused.dispose();
  stock.dispose();
  tf.dispose([...xs, gradient, ours, theirs]);
  const combination = 'linear combination of 6 x 65,536';
  return [
    row(backend, combination, 'composed of mul and add', times.combination.wall, times.composed.wall, 'wall'),
    row(backend, 'Adam step, 4,000,000 parameters', `tf.train.adam`, steps.fused.cpu, steps.stock.cpu),
  ];
}

async function onCpu({ quick, log }: BenchContext): Promise<BenchRow[]> {
  const stock = await stockOf('cpu');
  log('cpu: convolution');
  const large = convolution(1, 64, 64, 2);
  const forward = await alternate(
    {
      ours: large.forward,
      stock: () => stock('Conv2D', { x: large.x, filter: large.filter }, large.attributes),
      toInput: large.toInput,
      toFilter: large.toFilter,
    },
    quick ? 2 : 7,
  );
  large.dispose();
  // Small enough for tfjs' own, at 0.01 GFLOP/s.
  const small = convolution(1, 32, 32, 1);
  const { x, dy, attributes } = small;
  const toFilter = await alternate(
    {
      ours: small.toFilter,
      stock: () => stock('Conv2DBackpropFilter', { x, dy }, { ...attributes, filterShape: [3, 3, 32, 32] }),
    },
    quick ? 1 : 3,
  );
  small.dispose();
  const speed = (ms: number) => `${((large.gflop / ms) * 1e3).toFixed(1)} GFLOP/s`;
  const name = (pass: string) => `conv2d 1x64x64x64 * 3x3x64x64, dilation 2, ${pass}`;
  const { ours, stock: theirs } = forward;
  return [
    row('cpu', name('forward'), `${tfjs}, forward`, ours.cpu, theirs.cpu, speed(ours.cpu)),
    row(
      'cpu',
      name('to input'),
      `${tfjs}, forward`,
      forward.toInput.cpu,
      theirs.cpu,
      speed(forward.toInput.cpu),
    ),
    row(
      'cpu',
      name('to filter'),
      `${tfjs}, forward`,
      forward.toFilter.cpu,
      theirs.cpu,
      speed(forward.toFilter.cpu),
    ),
    row('cpu', 'conv2d 1x32x32x32 * 3x3x32x32, to filter', tfjs, toFilter.ours.cpu, toFilter.stock.cpu),
    ...(await onePass('cpu', quick ? 3 : 9)),
  ];
}
