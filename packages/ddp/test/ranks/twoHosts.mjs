/** `twoHosts.mjs <file>`: a short training; rank 0 writes what came of it, and where ranks ran. */
import { writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import { ensureGradients } from '@tfkit/core/tfjs';
import { initProcessGroup } from '@tfkit/ddp';
import { ddp } from '@tfkit/ddp/tfjs';
import { createVariables, lossOf, makeData } from './train.mjs';

tf.env().set('PROD', true);
await tf.setBackend('cpu');
await ensureGradients();
const group = await initProcessGroup();
const { xs, ys } = makeData(64);
const variables = createVariables(tf, group.rank);
const optimizer = tf.train.adam(0.01);
const parallel = await ddp(variables, { group, optimizer });
for (let step = 0; step < 20; step++) {
  const at = ((step * group.size + group.rank) * 4) % 64;
  const [x, y] = [
    tf.tensor(xs.slice(at * 6, at * 6 + 24), [4, 6]),
    tf.tensor(ys.slice(at * 3, at * 3 + 12), [4, 3]),
  ];
  optimizer.minimize(() => lossOf(tf, variables, x, y));
  tf.dispose([x, y]);
}
await parallel.checkSync();
const hosts = group.sync.allGatherObject(hostname());
const values = Object.values(variables).flatMap((variable) => Array.from(variable.dataSync()));
if (group.rank === 0) {
  writeFileSync(process.argv[2], JSON.stringify({ hosts, values, size: group.size, backend: group.backend }));
}
