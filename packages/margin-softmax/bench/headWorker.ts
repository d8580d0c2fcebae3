/**
 * One head, ArcFace on 64 x 128 embeddings, in a process of its own:
 * `headWorker.ts <backend> gradient | step <numClasses>`. Answers each line on stdin with the milliseconds of one forward
 * and backward pass (or one fused step), the loss, and the peak of memory beyond what the process held before the first.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import * as tf from '@tensorflow/tfjs-core';
import { ensureGradients, ensureKernels } from '@tfkit/core/tfjs';
import { arcFace, MarginHead, marginLoss } from '@tfkit/margin-softmax';
import { loadNodeBackend, type nodeBackends } from '@tfkit/test-kit/node-backends';

const [batch, features] = [64, 128];

const status = (field: string) =>
  Number(new RegExp(`${field}:\\s+(\\d+)`).exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? 0) / 1024;

/** Rows that are told apart, made by the backend itself: nothing large passes through JavaScript's heap. */
const rowsOf = (rows: number, columns: number): tf.Tensor2D =>
  tf.tidy(() => {
    const a = tf.reshape(tf.range(0, rows), [rows, 1]);
    const b = tf.reshape(tf.range(1, columns + 1), [1, columns]);
    return tf.sin(tf.add(tf.mul(tf.sin(a), 37), tf.mul(tf.sin(tf.mul(b, 5)), 91))) as tf.Tensor2D;
  });

/** The class centres. On tensorflow by one op that leaves nothing behind: memory it freed would hide a part of the step's. */
function centresOf(rows: number): tf.Tensor2D {
  if (tf.getBackend() !== 'tensorflow') return rowsOf(rows, features);
  const backend = tf.backend() as unknown as {
    readonly binding: Record<'TF_ATTR_TYPE' | 'TF_ATTR_INT' | 'TF_FLOAT' | 'TF_INT32', number>;
    executeSingleOutput(op: string, attributes: object[], inputs: tf.Tensor[]): tf.Tensor2D;
  };
  const { TF_ATTR_TYPE, TF_ATTR_INT, TF_FLOAT, TF_INT32 } = backend.binding;
  const attributes = [
    { name: 'dtype', type: TF_ATTR_TYPE, value: TF_FLOAT },
    { name: 'T', type: TF_ATTR_TYPE, value: TF_INT32 },
    { name: 'seed', type: TF_ATTR_INT, value: 1 },
    { name: 'seed2', type: TF_ATTR_INT, value: 2 },
  ];
  return tf.tidy(() =>
    backend.executeSingleOutput('RandomStandardNormal', attributes, [tf.tensor1d([rows, features], 'int32')]),
  );
}

function createStep(variant: string, numClasses: number): () => { loss: tf.Tensor; rest: tf.Tensor[] } {
  const margin = arcFace({ margin: 0.5, scale: 64 });
  const x = rowsOf(batch, features);
  const labels = tf.tensor1d(
    Int32Array.from({ length: batch }, (_, i) => (i * 7919) % numClasses),
    'int32',
  );
  if (variant === 'step') {
    const head = new MarginHead({
      numClasses,
      features,
      margin,
      momentum: 0,
      weightDecay: 0,
      learningRate: 1e-3,
    });
    return () => {
      const { loss, embeddings } = head.step(x, labels);
      return { loss, rest: [embeddings] };
    };
  }
  const weights = centresOf(numClasses);
  const both = tf.valueAndGrads((a: tf.Tensor, b: tf.Tensor) =>
    marginLoss(a as tf.Tensor2D, b as tf.Tensor2D, labels, margin),
  );
  return () => {
    const { value, grads } = both([x, weights]);
    return { loss: value, rest: grads };
  };
}

async function main(
  backend: (typeof nodeBackends)[number],
  variant: string,
  numClasses: number,
): Promise<void> {
  console.log = console.error;
  await loadNodeBackend(backend);
  await ensureGradients();
  await ensureKernels();
  // Code and buffers of the backend, on a small problem.
  const small = createStep(variant, 300)();
  await small.loss.data();
  tf.dispose([small.loss, small.rest]);
  const step = createStep(variant, numClasses);
  await tf.nextFrame();
  globalThis.gc?.();
  try {
    writeFileSync('/proc/self/clear_refs', '5');
  } catch {
    // The peak then counts from the start of the process: an upper bound.
  }
  const base = status('VmRSS');
  for await (const _ of createInterface({ input: process.stdin })) {
    const cpu = process.cpuUsage();
    const start = performance.now();
    const { loss, rest } = step();
    // The last number of the last result: everything before it has been computed.
    const last = rest.at(-1)!;
    const corner = tf.slice(last, [last.shape[0]! - 1, features - 1], [1, 1]);
    await corner.data();
    corner.dispose();
    const value = (await loss.data())[0];
    const wall = performance.now() - start;
    const { user, system } = process.cpuUsage(cpu);
    tf.dispose([loss, rest]);
    const extra = status('VmHWM') - base;
    process.stdout.write(`${JSON.stringify({ wall, cpu: (user + system) / 1000, loss: value, extra })}\n`);
  }
  process.exit(0);
}

main(process.argv[2] as (typeof nodeBackends)[number], process.argv[3]!, Number(process.argv[4])).catch(
  (error) => {
    console.error(error);
    process.exit(1);
  },
);
