/**
 * Training steps of ours in a process of their own: `stepWorker.ts <backend>`. Answers each line {run: <case>} with the wall and CPU
 * milliseconds of one step: of 'nice' and 'glow' as `fit` takes it: batch, gradients, the loss read, core's fused Adam; of 'spline'
 * the log-likelihood, its gradient and the inverse of one coupling; of 'maf' the density alone.
 */
import { createInterface } from 'node:readline';
import * as tf from '@tensorflow/tfjs-core';
import { key, normal } from '@tfkit/core';
import { adam, ensureGradients, ensureKernels } from '@tfkit/core/tfjs';
import { Flow, fit, glow, mlp, nice, nicePresets } from '@tfkit/nice-flow';
import { maf } from '@tfkit/nice-flow/autoregressive';
import { splineCoupling } from '@tfkit/nice-flow/splines';
import { loadNodeBackend, type nodeBackends } from '@tfkit/test-kit/node-backends';

interface Times {
  readonly wall: number;
  readonly cpu: number;
  readonly tensors: number;
}

/** A training run that waits after each step until it is asked for the next. */
function stepper(flow: Flow, batchSize: number, optimizer: tf.Optimizer): () => Promise<Times> {
  const size = flow.shape.reduce((product, length) => product * length, 1);
  const data = Uint8Array.from({ length: batchSize * size }, (_, i) => (i * 2654435761) >>> 24);
  let finished: ((times: Times) => void) | undefined;
  let proceed: () => void = () => {};
  let start = { wall: 0, cpu: process.cpuUsage() };
  const begin = () => {
    start = { wall: performance.now(), cpu: process.cpuUsage() };
  };
  const onProgress = () =>
    new Promise<void>((resolve) => {
      const { user, system } = process.cpuUsage(start.cpu);
      const wall = performance.now() - start.wall;
      proceed = resolve;
      finished?.({ wall, cpu: (user + system) / 1000, tensors: tf.memory().numTensors });
    });
  let isRunning = false;
  return () =>
    new Promise((resolve, reject) => {
      finished = resolve;
      begin();
      if (isRunning) proceed();
      else {
        isRunning = true;
        fit(flow, data, { key: key(1), steps: 1e9, batchSize, optimizer, onProgress }).catch(reject);
      }
    });
}

/** What is timed by itself, without `fit`. */
function timer(work: () => tf.Tensor): () => Promise<Times> {
  return async () => {
    const [wall, cpu] = [performance.now(), process.cpuUsage()];
    const loss = work();
    await loss.data();
    loss.dispose();
    const { user, system } = process.cpuUsage(cpu);
    return { wall: performance.now() - wall, cpu: (user + system) / 1000, tensors: tf.memory().numTensors };
  };
}

const normals = (rows: number, columns: number) =>
  tf.tensor2d(normal(key(5), [rows, columns]), [rows, columns]);

const runs: Record<string, () => () => Promise<Times>> = {
  nice: () => {
    const { batchSize, learningRate, beta1, beta2, epsilon } = nicePresets.mnist.training;
    const optimizer = adam({ learningRate, beta1, beta2, epsilon });
    return stepper(nice({ preset: 'mnist', key: key(0) }), batchSize, optimizer);
  },
  glow: () => {
    const flow = glow({
      ...{
        shape: [16, 16, 3],
        levels: 2,
        steps: 8,
        channels: 128,
        key: key(0),
        quantization: { levels: 256 },
      },
    });
    return stepper(flow, 16, adam({ learningRate: 1e-3 }));
  },
  spline: () => {
    const net = mlp({ hidden: [128, 128], lastLayer: 'random' });
    const flow = new Flow({
      bijector: splineCoupling({ mask: 'even', net, bins: 8 }),
      shape: [64],
      key: key(0),
    });
    const x = normals(512, 64);
    return timer(() => {
      const kept: tf.Tensor[] = [];
      const { value, grads } = tf.variableGrads(() => {
        const { z, logDet } = flow.forward(x);
        kept.push(tf.keep(z));
        const logProb = tf.add(flow.base.logProb(z, flow.scope()), logDet);
        return tf.neg(tf.mean(logProb)) as tf.Scalar;
      }, flow.trainableVariables);
      tf.dispose([grads, flow.inverse(kept[0]!), kept]);
      return value;
    });
  },
  maf: () => {
    const flow = maf({ shape: [64], layers: 5, hidden: [128, 128], standardize: false, key: key(0) });
    const x = normals(512, 64);
    return timer(() => tf.tidy(() => tf.mean(flow.logProb(x))));
  },
};

async function main(backend: (typeof nodeBackends)[number]): Promise<void> {
  // Standard output is for answers alone.
  console.log = console.error;
  await loadNodeBackend(backend);
  await ensureGradients();
  await ensureKernels();
  const ready = new Map<string, () => Promise<Times>>();
  for await (const line of createInterface({ input: process.stdin })) {
    const { run } = JSON.parse(line) as { run: string };
    const step = ready.get(run) ?? runs[run]!();
    ready.set(run, step);
    process.stdout.write(`${JSON.stringify(await step())}\n`);
  }
  process.exit(0);
}

main(process.argv[2] as (typeof nodeBackends)[number]).catch((error) => {
  console.error(error);
  process.exit(1);
});
