/** Less memory and less traffic: each beside its plain counterpart, in the same ranks. */
import { DistributedSampler } from '@tfkit/ddp';
import { ddp, localSgd, powerSgd, shardOptimizer } from '@tfkit/ddp/tfjs';
import { useBackend } from './backend.mjs';
import { createVariables, lossOf, makeData } from './train.mjs';

const optimizers = {
  sgd: (tf) => tf.train.sgd(0.1),
  momentum: (tf) => tf.train.momentum(0.05, 0.9),
  adam: (tf) => tf.train.adam(0.01),
};

const stateSize = async (optimizer) =>
  (await optimizer.getWeights()).slice(1).reduce((sum, { tensor }) => sum + tensor.size, 0);

/** Trains with `step(variables, loss)` on this rank's part of the data. */
async function trained(tf, group, variables, steps, step) {
  const { xs, ys } = makeData(64);
  const losses = [];
  const indices = new DistributedSampler(64, { group, shuffle: false }).indices();
  let tensors;
  for (let at = 0; at < steps; at++) {
    const rows = Array.from({ length: 8 }, (_, i) => indices[(at * 8 + i) % indices.length]);
    const take = (data, width) =>
      tf.tensor(
        Float32Array.from(rows.flatMap((row) => Array.from(data.subarray(row * width, row * width + width)))),
        [rows.length, width],
      );
    const [x, y] = [take(xs, 6), take(ys, 3)];
    const loss = await step(() => lossOf(tf, variables, x, y));
    losses.push((await loss.data())[0]);
    tf.dispose([x, y, loss]);
    if (at === 2) tensors = tf.memory().numTensors;
  }
  const values = await Promise.all(
    Object.values(variables).map(async (value) => (await value.data()).slice()),
  );
  return { losses, values, leaked: tf.memory().numTensors - tensors };
}

export async function sharded(group, { backend, paths, optimizer, steps }) {
  const tf = await useBackend(backend, paths);
  const plainVariables = createVariables(tf, group.rank);
  const plainOptimizer = optimizers[optimizer](tf);
  const parallel = await ddp(plainVariables, { group, optimizer: plainOptimizer });
  const plain = await trained(tf, group, plainVariables, steps, (loss) =>
    parallel.minimize(plainOptimizer, loss),
  );
  const variables = createVariables(tf, group.rank);
  const own = optimizers[optimizer](tf);
  const zero = await shardOptimizer(variables, { group, optimizer: own });
  const found = await trained(tf, group, variables, steps, (loss) => zero.minimize(loss));
  const elements = Object.values(variables).reduce((sum, { size }) => sum + size, 0);
  return {
    plain,
    found,
    elements,
    shard: zero.shard.size,
    state: await stateSize(own),
    plainState: await stateSize(plainOptimizer),
  };
}

/** What plain `ddp` with SGD reaches: what the savings are held against. */
async function trainedByDdp(tf, group, steps) {
  const variables = createVariables(tf, group.rank);
  const optimizer = tf.train.sgd(0.1);
  const parallel = await ddp(variables, { group, optimizer });
  return trained(tf, group, variables, steps, (loss) => parallel.minimize(optimizer, loss));
}

export async function local(group, { backend, paths, period, steps }) {
  const tf = await useBackend(backend, paths);
  const plain = await trainedByDdp(tf, group, steps);
  const variables = createVariables(tf, group.rank);
  const own = tf.train.sgd(0.1);
  const averager = await localSgd(variables, { group, period });
  const averaged = [];
  const found = await trained(tf, group, variables, steps, async (loss) => {
    const value = own.minimize(loss, true);
    averaged.push(await averager.step());
    return value;
  });
  return { plain, found, averaged };
}

export async function power(group, { backend, paths, rank, steps }) {
  const tf = await useBackend(backend, paths);
  const plain = await trainedByDdp(tf, group, steps);
  const variables = createVariables(tf, group.rank);
  const own = tf.train.sgd(0.1);
  const compressed = await powerSgd(variables, { group, rank });
  const found = await trained(tf, group, variables, steps, (loss) => compressed.minimize(own, loss));
  return { plain, found, sent: compressed.sent };
}

/** The same gradient in every step: what the mean of the approximations comes to. */
export async function feedback(group, { backend, paths, rank, steps, rows, columns, outer }) {
  const tf = await useBackend(backend, paths);
  const target = tf.tensor2d(
    Float32Array.from({ length: rows * columns }, (_, i) => {
      const [row, column] = [Math.floor(i / columns), i % columns];
      const value = outer ? Math.sin(1 + row) * Math.cos(column) : Math.sin(1 + i * i);
      return value * (1 + group.rank);
    }),
    [rows, columns],
  );
  const w = tf.variable(tf.zeros([rows, columns]));
  const compressed = await powerSgd({ w }, { group, rank });
  const sum = new Float32Array(rows * columns);
  let first;
  for (let step = 0; step < steps; step++) {
    const { value, grads } = await compressed.variableGrads(() => tf.sum(tf.mul(w, target)));
    const values = await grads[w.name].data();
    values.forEach((v, i) => {
      sum[i] += v;
    });
    first ??= values.slice();
    tf.dispose([value, grads]);
  }
  const mean = group.sync.allReduce(await target.data(), 'mean');
  return { mean, first, average: sum.map((v) => v / steps) };
}
