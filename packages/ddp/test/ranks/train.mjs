/** Training runs for the tests. Every function is one rank's; what it returns comes back to the test. */
import { setTimeout as sleep } from 'node:timers/promises';
import { foldIn, key, normal, uniform } from '@tfkit/core';
import { DistributedSampler } from '@tfkit/ddp';
import { ddp, reduceMetrics, resume, saveOnRank0 } from '@tfkit/ddp/tfjs';
import { useBackend } from './backend.mjs';

export const features = 6;
export const classes = 3;

/** `count` samples of a fixed problem, [count, features] and one-hot [count, classes]. */
export function makeData(count) {
  const xs = normal(key(1), [count, features]);
  const ys = new Float32Array(count * classes);
  for (let i = 0; i < count; i++) {
    const row = xs.subarray(i * features, (i + 1) * features);
    const label = (row[0] > 0 ? 1 : 0) + (row[1] * row[2] > 0 ? 1 : 0);
    ys[i * classes + label] = 1;
  }
  return { xs, ys };
}

const gather = (tf, values, width, indices) => {
  const out = new Float32Array(indices.length * width);
  for (const [at, index] of indices.entries()) {
    out.set(values.subarray(index * width, (index + 1) * width), at * width);
  }
  return tf.tensor(out, [indices.length, width]);
};

export const optimizers = {
  sgd: (tf) => tf.train.sgd(0.1),
  momentum: (tf) => tf.train.momentum(0.05, 0.9),
  adam: (tf) => tf.train.adam(0.01),
};

/** A perceptron of variables; `shared` is used twice. Different on each rank, until ddp broadcasts. */
export function createVariables(tf, rank) {
  const seeded = (index, shape) => {
    const values = normal(foldIn(key(100 + rank), index), shape).map((value) => value * 0.4);
    return tf.variable(tf.tensor(values, shape));
  };
  return {
    first: seeded(0, [features, 16]),
    firstOffset: seeded(1, [16]),
    shared: seeded(2, [16, 16]),
    last: seeded(3, [16, classes]),
    lastOffset: seeded(4, [classes]),
  };
}

export function lossOf(tf, v, x, y) {
  let h = tf.tanh(tf.add(tf.matMul(x, v.first), v.firstOffset));
  h = tf.tanh(tf.matMul(h, v.shared));
  h = tf.tanh(tf.matMul(h, v.shared));
  return tf.losses.softmaxCrossEntropy(y, tf.add(tf.matMul(h, v.last), v.lastOffset));
}

const valuesOf = async (variables) =>
  Object.fromEntries(
    await Promise.all(
      Object.entries(variables).map(async ([name, value]) => [name, (await value.data()).slice()]),
    ),
  );

/** Several of these functions one after the other in the same ranks: [[name, argument], ...] gives their results. */
export async function several(group, { backend, paths, calls }) {
  const functions = {
    trainVariables,
    fitModel,
    gradientModes,
    uneven,
    unused,
    checkpointed,
    syncNorm,
    computeAtOnce,
  };
  const results = [];
  for (const [name, argument] of calls)
    results.push(await functions[name](group, { backend, paths, ...argument }));
  return results;
}

/** A custom loop over variables: W ranks with batches of b, or one with W b. */
export async function trainVariables(group, { backend, paths, optimizer, steps, batch, count, options }) {
  const tf = await useBackend(backend, paths);
  const { xs, ys } = makeData(count);
  const variables = createVariables(tf, group.rank);
  const stepper = optimizers[optimizer](tf);
  const parallel = await ddp(variables, { group, optimizer: stepper, ...options });
  const sampler = new DistributedSampler(count, { group, shuffle: false });
  const losses = [];
  let tensors;
  let step = 0;
  for (let epoch = 0; step < steps; epoch++) {
    sampler.setEpoch(epoch);
    for (const indices of sampler.batches(batch)) {
      if (step === steps) break;
      const [x, y] = [gather(tf, xs, features, indices), gather(tf, ys, classes, indices)];
      const loss = await parallel.minimize(stepper, () => lossOf(tf, variables, x, y));
      const { mean } = await reduceMetrics(
        { mean: (await loss.data())[0] },
        { group, weight: indices.length },
      );
      losses.push(mean);
      tf.dispose([x, y, loss]);
      step++;
      if (step === 3) tensors = tf.memory().numTensors;
    }
  }
  await parallel.checkSync();
  return { losses, variables: await valuesOf(variables), leaked: tf.memory().numTensors - tensors };
}

/** A tf.layers model with batch normalisation, by model.fit. */
export async function fitModel(group, { backend, paths, optimizer, epochs, batch, count, options }) {
  const tf = await useBackend(backend, paths);
  const tfl = await import('@tensorflow/tfjs-layers');
  const { convertSyncBatchNorm } = await import('@tfkit/ddp/layers');
  const initializer = (seed) => tfl.initializers.glorotUniform({ seed: seed + group.rank });
  const model = tfl.sequential({
    layers: [
      tfl.layers.dense({
        units: 16,
        inputShape: [features],
        activation: 'tanh',
        kernelInitializer: initializer(1),
      }),
      tfl.layers.batchNormalization({ momentum: 0.5 }),
      tfl.layers.dense({ units: classes, activation: 'softmax', kernelInitializer: initializer(9) }),
    ],
  });
  convertSyncBatchNorm(model, { group });
  model.compile({ optimizer: optimizers[optimizer](tf), loss: 'categoricalCrossentropy' });
  const parallel = await ddp(model, { group, ...options });
  const { xs, ys } = makeData(count);
  const indices = new DistributedSampler(count, { group, shuffle: false }).indices();
  const [x, y] = [gather(tf, xs, features, indices), gather(tf, ys, classes, indices)];
  const fit = (times) =>
    model.fit(x, y, {
      epochs: times,
      batchSize: batch,
      shuffle: false,
      verbose: 0,
      callbacks: parallel.callbacks(),
    });
  await fit(1);
  const tensors = tf.memory().numTensors;
  await fit(epochs - 1);
  const leaked = tf.memory().numTensors - tensors;
  await parallel.checkSync();
  await parallel.syncBuffers();
  const weights = await Promise.all(model.getWeights().map(async (weight) => (await weight.data()).slice()));
  return { weights, leaked };
}

/** Gradients of one step in every mode, for one batch on each rank. */
export async function gradientModes(group, { backend, paths }) {
  const tf = await useBackend(backend, paths);
  const { xs, ys } = makeData(8 * group.size);
  const indices = new DistributedSampler(8 * group.size, { group, shuffle: false }).indices();
  const [x, y] = [gather(tf, xs, features, indices), gather(tf, ys, classes, indices)];
  const variables = createVariables(tf, 0);
  const list = Object.values(variables);
  const loss = () => lossOf(tf, variables, x, y);
  const results = {};
  const read = async ({ value, grads }) => {
    const named = await valuesOf(
      Object.fromEntries(Object.keys(variables).map((name, i) => [name, grads[list[i].name]])),
    );
    tf.dispose([value, grads]);
    return named;
  };
  results.local = await read(tf.variableGrads(loss, list));
  const modes = {
    overlapped: {},
    serial: { overlap: false },
    manyBuckets: { bucketBytes: 64, firstBucketBytes: 64 },
    sum: { reduction: 'sum' },
    fp16: { compression: 'fp16' },
    bf16: { compression: 'bf16' },
    checked: { checkFinite: true, findUnusedParameters: true },
  };
  for (const [name, options] of Object.entries(modes)) {
    const parallel = await ddp(variables, { group, ...options });
    // Twice: the second step has the buckets of the learnt order.
    await read(parallel.variableGrads(loss));
    results[name] = await read(parallel.variableGrads(loss));
    parallel.dispose();
  }
  const parallel = await ddp(variables, { group });
  const part = (start) => () => {
    const rows = tf.slice(x, [start, 0], [4, features]);
    return tf.div(lossOf(tf, variables, rows, tf.slice(y, [start, 0], [4, classes])), 2);
  };
  const before = tf.memory().numTensors;
  tf.dispose(parallel.noSync(() => parallel.variableGrads(part(0))));
  results.accumulated = await read(parallel.variableGrads(part(4)));
  results.leaked = tf.memory().numTensors - before;
  return results;
}

/** Ranks with different numbers of batches. */
export async function uneven(group, { backend, paths, steps }) {
  const tf = await useBackend(backend, paths);
  const { xs, ys } = makeData(64);
  const variables = createVariables(tf, group.rank);
  const optimizer = tf.train.sgd(0.1);
  const parallel = await ddp(variables, { group, optimizer });
  const done = await parallel.join(async () => {
    let count = 0;
    for (; count < steps[group.rank]; count++) {
      const indices = Uint32Array.from({ length: 4 }, (_, i) => (count * 8 + group.rank * 4 + i) % 64);
      const [x, y] = [gather(tf, xs, features, indices), gather(tf, ys, classes, indices)];
      tf.dispose([await parallel.minimize(optimizer, () => lossOf(tf, variables, x, y)), x, y]);
    }
    return count;
  });
  await parallel.checkSync();
  return { done, variables: await valuesOf(variables) };
}

/** One step whose loss lacks a variable on some ranks. */
export async function unused(group, { backend, paths, ranks, options }) {
  const tf = await useBackend(backend, paths);
  const variables = {
    a: tf.variable(tf.tensor1d([1, 2])),
    b: tf.variable(tf.tensor1d([3, 4])),
    c: tf.variable(tf.scalar(5)),
  };
  const parallel = await ddp(variables, { group, ...options });
  const usesB = ranks.includes(group.rank);
  const { value, grads } = parallel.variableGrads(() =>
    tf.sum(tf.mul(variables.a, usesB ? variables.b : tf.tensor1d([1, 1]))),
  );
  const read = (name) => grads[variables[name].name] && Array.from(grads[variables[name].name].dataSync());
  const result = { a: read('a'), b: read('b'), c: read('c') };
  tf.dispose([value, grads]);
  return result;
}

/** A gradient that is NaN on one rank. */
export async function notFinite(group, { backend, paths, bad }) {
  const tf = await useBackend(backend, paths);
  const variables = { a: tf.variable(tf.scalar(1)), b: tf.variable(tf.scalar(0)) };
  const parallel = await ddp(variables, { group, checkFinite: true });
  const factor = group.rank === bad ? Number.NaN : 1;
  parallel.variableGrads(() => tf.add(variables.a, tf.mul(variables.b, factor)));
}

/** Variables that drift apart. */
export async function drift(group, { backend, paths, bad }) {
  const tf = await useBackend(backend, paths);
  const variables = { a: tf.variable(tf.tensor1d([1, 2])), b: tf.variable(tf.tensor1d([3, 4])) };
  const parallel = await ddp(variables, { group });
  await parallel.checkSync();
  if (group.rank === bad) variables.b.assign(tf.tensor1d([3, 4.0000005]));
  await parallel.checkSync();
}

/** A model with another shape on one rank. */
export async function otherShape(group, { backend, paths, bad }) {
  const tf = await useBackend(backend, paths);
  await ddp({ kernel: tf.variable(tf.zeros(group.rank === bad ? [3, 5] : [3, 4])) }, { group });
}

/** Checkpoints: trains, saves, trains on; then a new state resumes and does the same. */
export async function checkpointed(group, { backend, paths, path }) {
  const tf = await useBackend(backend, paths);
  const { xs, ys } = makeData(32);
  const run = async (variables, optimizer, from, to) => {
    const parallel = await ddp(variables, { group, optimizer });
    const losses = [];
    for (let step = from; step < to; step++) {
      const indices = Uint32Array.from({ length: 4 }, (_, i) => (step * 8 + group.rank * 4 + i) % 32);
      const [x, y] = [gather(tf, xs, features, indices), gather(tf, ys, classes, indices)];
      const loss = optimizer.minimize(() => lossOf(tf, variables, x, y), true);
      losses.push(loss.dataSync()[0]);
      tf.dispose([loss, x, y]);
    }
    parallel.dispose();
    return losses;
  };
  const variables = createVariables(tf, group.rank);
  const optimizer = tf.train.adam(0.01);
  const absent = await resume(path, { group, variables, optimizer });
  await run(variables, optimizer, 0, 5);
  await saveOnRank0(path, { group, variables, optimizer, step: 5, key: [1, 2] });
  const straight = await run(variables, optimizer, 5, 10);
  const fresh = createVariables(tf, group.rank);
  const freshOptimizer = tf.train.adam(0.5);
  const found = await resume(path, { group, variables: fresh, optimizer: freshOptimizer });
  const resumed = await run(fresh, freshOptimizer, found.step, 10);
  return { absent, step: found.step, key: found.key, straight, resumed };
}

/** The gradient of syncBatchNorm on this rank's part of a batch, and its statistics. */
export async function syncNorm(group, { backend, paths, rows, axis, shape }) {
  const tf = await useBackend(backend, paths);
  const { syncBatchNorm } = await import('@tfkit/ddp/tfjs');
  const total = rows.reduce((sum, count) => sum + count, 0);
  const rest = shape.reduce((product, size) => product * size, 1);
  const channels = axis === -1 ? shape.at(-1) : shape[axis - 1];
  const start = rows.slice(0, group.rank).reduce((sum, count) => sum + count, 0) * rest;
  const part = (seed) => {
    const values = normal(key(seed), total * rest).map((value, i) => 2 * value + 0.3 * (i % 7));
    const own = group.size === 1 ? values : values.subarray(start, start + rows[group.rank] * rest);
    return tf.tensor(own.slice(), [own.length / rest, ...shape]);
  };
  const [x, target] = [part(3), part(4)];
  const scale = tf.tensor1d(uniform(key(5), channels));
  const offset = tf.tensor1d(uniform(key(6), channels));
  const statistics = {};
  const before = tf.memory().numTensors;
  const gradient = tf.grads((a, b, c) =>
    tf.tidy(() => {
      const { output, mean, variance } = syncBatchNorm(a, b, c, { group, axis });
      statistics.mean = mean.dataSync().slice();
      statistics.variance = variance.dataSync().slice();
      return tf.sum(tf.mul(output, tf.mul(output, target)));
    }),
  );
  const [dx, dscale, doffset] = gradient([x, scale, offset]);
  const leaked = tf.memory().numTensors - before - 3;
  return { ...statistics, dx: dx.dataSync(), dscale: dscale.dataSync(), doffset: doffset.dataSync(), leaked };
}

/** Two tfjs-node workers, or more, that compute at once. */
export async function computeAtOnce(group, { backend, paths, seconds }) {
  const tf = await useBackend(backend, paths);
  const a = tf.tensor(normal(key(7), [64, 64]), [64, 64]);
  group.sync.barrier();
  const end = Date.now() + seconds * 1000;
  let count = 0;
  let sum;
  do {
    sum = tf.tidy(() => tf.sum(tf.matMul(a, a)).dataSync()[0]);
    count++;
    if (count % 64 === 0) await sleep(0);
  } while (Date.now() < end);
  a.dispose();
  return { sum, count, sums: group.sync.allGather(Float32Array.of(sum)).map(([other]) => other) };
}
