/** A training run that fails in its first life and resumes in its second: `restarting.mjs <folder> <fault> <step>`. */
import { writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import { ensureGradients } from '@tfkit/core/tfjs';
import { initProcessGroup } from '@tfkit/ddp';
import { ddp, reduceMetrics, resume, saveOnRank0 } from '@tfkit/ddp/tfjs';
import { createVariables, lossOf, makeData } from './train.mjs';

const [folder, fault, faultStep] = process.argv.slice(2);
tf.env().set('PROD', true);
await tf.setBackend('cpu');
await ensureGradients();
const group = await initProcessGroup();
const { xs, ys } = makeData(64);
const variables = createVariables(tf, group.rank);
const optimizer = tf.train.adam(0.01);
const path = join(folder, 'run.safetensors');
await ddp(variables, { group, optimizer });
const found = await resume(path, { group, variables, optimizer });
const losses = found ? JSON.parse(found.metadata.losses) : [];
for (let step = found?.step ?? 0; step < 12; step++) {
  if (step === Number(faultStep) && group.rank === 1 && group.restarts === 0) {
    if (fault === 'throws') throw new Error('boom');
    if (fault === 'crashes')
      createRequire(import.meta.url)('koffi')
        .load('libc.so.6')
        .func('size_t strlen(void *)')(null);
    if (fault === 'SIGSEGV') process.kill(process.pid, 'SIGSEGV');
    if (fault === 'SIGKILL') process.kill(process.pid, 'SIGKILL');
    if (fault === 'exits') process.exit(5);
    // Never comes back: SIGKILL takes a moment.
    if (fault !== 'none') for (;;);
  }
  const at = ((step * 8 + group.rank * 4) % 64) * 1;
  const [x, y] = [
    tf.tensor(xs.slice(at * 6, at * 6 + 24), [4, 6]),
    tf.tensor(ys.slice(at * 3, at * 3 + 12), [4, 3]),
  ];
  const loss = optimizer.minimize(() => lossOf(tf, variables, x, y), true);
  losses.push((await reduceMetrics({ loss: loss.dataSync()[0] }, { group })).loss);
  if (step % 4 === 3) {
    await saveOnRank0(path, {
      group,
      variables,
      optimizer,
      step: step + 1,
      metadata: { losses: JSON.stringify(losses) },
    });
  }
}
if (group.rank === 0) writeFileSync(join(folder, 'losses.json'), JSON.stringify(losses));
console.log(`rank ${group.rank} of ${group.size} on ${group.backend} is done`);
