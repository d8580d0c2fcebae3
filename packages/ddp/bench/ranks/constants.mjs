/**
 * `constants.mjs <rounds>`: what the simulation needs to know of this machine, and what it shall predict, on 2 ranks over
 * MPI, in seconds. Measurements take turns; of each the smallest is kept, since other work on the machine only adds.
 */
import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import { ensureGradients } from '@tfkit/core/tfjs';
import { initProcessGroup } from '@tfkit/ddp';
import { module } from '@tfkit/ddp/kernels/wasm-module';
import { ddp } from '@tfkit/ddp/tfjs';

const rounds = Number(process.argv[2]);
const group = await initProcessGroup({ size: 2 });
const { sync } = group;
tf.env().set('PROD', true);
await tf.setBackend('cpu');
await ensureGradients();

const mib = 2 ** 20;
const memory = new WebAssembly.Memory({ initial: 1024, maximum: 65536, shared: true });
const { exports } = new WebAssembly.Instance(new WebAssembly.Module(Buffer.from(module, 'base64')), {
  env: { memory },
});
const block = 8 * mib;

const best = {};
const measure = (name, work, divisor = 1) => {
  sync.barrier();
  const start = performance.now();
  work();
  const seconds = (performance.now() - start) / 1000 / divisor;
  best[name] = Math.min(best[name] ?? Infinity, seconds);
};

// A training step: six layers, a bucket each.
const width = 384;
const layers = Array.from({ length: 6 }, (_, i) =>
  tf.variable(tf.mul(tf.sin(tf.reshape(tf.range(i, i + width * width), [width, width])), 0.05)),
);
const x = tf.ones([4, width]);
const loss = () => tf.mean(layers.reduce((h, w) => tf.tanh(tf.matMul(h, w)), x));
const bucketBytes = width * width * 4;
const optimizer = tf.train.sgd(1e-4);
const plain = tf.train.sgd(1e-4);
const parallel = await ddp(layers, {
  group,
  optimizer,
  overlap: false,
  bucketBytes,
  firstBucketBytes: bucketBytes,
});

const sizes = [mib / 4, mib, 4 * mib, 16 * mib];
const arrays = sizes.map((bytes) => new Float32Array(bytes / 4).fill(1));
const small = new Float32Array(1);
for (let round = 0; round < rounds; round++) {
  measure(
    'barrier',
    () => {
      for (let i = 0; i < 20; i++) sync.barrier();
    },
    20,
  );
  measure(
    'broadcast of 4 bytes',
    () => {
      for (let i = 0; i < 20; i++) sync.broadcast(small);
    },
    20,
  );
  measure('broadcast of 4 MiB', () => sync.broadcast(arrays[2]));
  measure('broadcast of 16 MiB', () => sync.broadcast(arrays[3]));
  measure('copy of 8 MiB', () => exports.reduce(0, 0, 0, block, block, 1, block / 4, 1));
  measure('sum of 2 x 8 MiB', () => exports.reduce(0, 0, 0, block, block, 2, block / 4, 1));
  sizes.forEach((bytes, i) => {
    measure(`all-reduce of ${bytes / mib} MiB`, () => sync.allReduceInPlace(arrays[i]));
    arrays[i].fill(1);
  });
  measure('forward pass', () => tf.tidy(() => loss().dataSync()));
  measure('step without communication', () => plain.minimize(loss));
  measure('step with communication', () => optimizer.minimize(loss));
}
parallel.dispose();
if (group.rank === 0) console.log(JSON.stringify({ best, buckets: layers.map(() => bucketBytes) }));
