/**
 * The work of this benchmark on one backend, in a process of its own: `worker.ts <backend>`. Each line of JSON on stdin,
 * `Request`, is answered with one.
 */
import { createInterface } from 'node:readline';
import * as tf from '@tensorflow/tfjs-core';
import { ensureGradients, ensureKernels } from '@tfkit/core/tfjs';
import { dilatedConv2d, type TcnWeights, tcn } from '@tfkit/dilated-conv';
import { loadNodeBackend, type nodeBackends } from '@tfkit/test-kit/node-backends';

export type Request =
  | {
      readonly op: 'conv';
      readonly batch: number;
      readonly dilation: number;
      readonly pass: 'forward' | 'all';
    }
  | { readonly op: 'tcn' }
  | { readonly op: 'memory'; readonly dilation: number };

export interface Answer {
  readonly wall: number;
  readonly cpu: number;
  /** Of 'memory': bytes at the peak over those of the inputs and outputs. */
  readonly peak?: number;
}

const channels = 64;
const tcnRates = Array.from({ length: 10 }, (_, i) => 2 ** i);

async function timed(run: () => tf.Tensor[]): Promise<Answer> {
  const cpuStart = process.cpuUsage();
  const start = performance.now();
  const tensors = run();
  // Reading one number waits for all that was submitted before it.
  const last = tf.tidy(() => tf.slice(tf.reshape(tensors.at(-1)!, [-1]), [0], [1]));
  await last.data();
  const wall = performance.now() - start;
  const { user, system } = process.cpuUsage(cpuStart);
  tf.dispose([tensors, last]);
  return { wall, cpu: (user + system) / 1000 };
}

const images = new Map<number, [tf.Tensor4D, tf.Tensor4D, tf.Tensor4D]>();

function imagesOf(batch: number): [tf.Tensor4D, tf.Tensor4D, tf.Tensor4D] {
  let made = images.get(batch);
  if (!made) {
    const shape: [number, number, number, number] = [batch, 64, 64, channels];
    const x = tf.randomNormal<tf.Rank.R4>(shape, 0, 1, 'float32', 1);
    const filter = tf.randomNormal<tf.Rank.R4>([3, 3, channels, channels], 0, 0.05, 'float32', 2);
    made = [x, filter, tf.ones(shape)];
    images.set(batch, made);
  }
  return made;
}

function convolution(
  [x, filter, dy]: readonly tf.Tensor4D[],
  dilationRate: number,
  pass: string,
): tf.Tensor[] {
  const op = (x: tf.Tensor, filter: tf.Tensor) =>
    dilatedConv2d(x as tf.Tensor4D, filter as tf.Tensor4D, { dilationRate, padding: 'same' });
  if (pass === 'forward') return [op(x!, filter!)];
  const { value, grads } = tf.valueAndGrads(op)([x!, filter!], dy);
  return [value, ...grads];
}

let series: { x: tf.Tensor3D; weights: TcnWeights } | undefined;

function network(): tf.Tensor[] {
  const kernel = (seed: number) =>
    tf.randomNormal<tf.Rank.R3>([3, channels, channels], 0, 0.07, 'float32', seed);
  series ??= {
    x: tf.randomNormal<tf.Rank.R3>([16, 4096, channels], 0, 1, 'float32', 3),
    weights: {
      blocks: tcnRates.map((_, i) => ({
        ...{
          v1: kernel(2 * i + 4),
          v2: kernel(2 * i + 5),
          b1: tf.zeros([channels]),
          b2: tf.zeros([channels]),
        },
      })),
    },
  };
  const { x, weights } = series;
  const flat = weights.blocks.flatMap(({ v1, b1, v2, b2 }) => [v1, b1!, v2, b2!]);
  const loss = (x: tf.Tensor, ...rest: tf.Tensor[]) => {
    const blocks = tcnRates.map((_, i) => {
      const [v1, b1, v2, b2] = rest.slice(4 * i, 4 * i + 4) as [
        tf.Tensor3D,
        tf.Tensor1D,
        tf.Tensor3D,
        tf.Tensor1D,
      ];
      return { v1, b1, v2, b2 };
    });
    return tf.sum(tcn(x as tf.Tensor3D, { blocks }, { rates: tcnRates }));
  };
  const { value, grads } = tf.valueAndGrads(loss)([x, ...flat]);
  return [value, ...grads];
}

/** Resident memory at the peak of one forward and backward pass, above that before the inputs. In a fresh process. */
async function memory(dilation: number): Promise<Answer> {
  const shape: [number, number, number, number] = [16, 64, 64, channels];
  // A small one first: compiles and loads what has nothing to do with the sizes.
  const small = [tf.ones([1, 8, 8, 4]), tf.ones([3, 3, 4, 4]), tf.ones([1, 8, 8, 4])] as tf.Tensor4D[];
  await timed(() => convolution(small, dilation, 'all'));
  const before = process.memoryUsage.rss();
  const inputs = [
    tf.fill(shape, 0.5),
    tf.fill([3, 3, channels, channels], 0.1),
    tf.fill(shape, 1),
  ] as tf.Tensor4D[];
  const time = await timed(() => convolution(inputs, dilation, 'all'));
  const used = process.resourceUsage().maxRSS * 1024 - before;
  const [x, filter, dy] = inputs.map(({ size }) => 4 * size) as [number, number, number];
  tf.dispose(inputs);
  return { ...time, peak: used / (x + filter + dy + dy + x + filter) };
}

async function answer(request: Request): Promise<Answer> {
  if (request.op === 'tcn') return timed(network);
  if (request.op === 'memory') return memory(request.dilation);
  return timed(() => convolution(imagesOf(request.batch), request.dilation, request.pass));
}

async function main(backend: (typeof nodeBackends)[number]): Promise<void> {
  await loadNodeBackend(backend);
  await ensureGradients();
  await ensureKernels();
  for await (const line of createInterface({ input: process.stdin })) {
    process.stdout.write(`${JSON.stringify(await answer(JSON.parse(line)))}\n`);
  }
}

main(process.argv[2] as 'cpu').catch((error) => {
  console.error(error);
  process.exit(1);
});
