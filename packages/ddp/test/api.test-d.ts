import * as tf from '@tensorflow/tfjs-core';
import type { Collective } from '@tfkit/core';
import { type BackendName, type ProcessGroup, spawn } from '@tfkit/ddp';
import { ddp, localSgd, powerSgd, reduceMetrics, shardOptimizer } from '@tfkit/ddp/tfjs';
import { expectTypeOf } from 'vitest';

declare const group: ProcessGroup;

expectTypeOf(group).toExtend<Collective>();
expectTypeOf(group.sync.allReduce(new Float32Array(1))).toEqualTypeOf<Float32Array<ArrayBuffer>>();
expectTypeOf(group.gatherObject({ a: 1 })).resolves.toEqualTypeOf<{ a: number }[] | undefined>();
expectTypeOf(spawn(async (_group, x: number) => `${x}`, 2, { args: [1] as const })).resolves.toEqualTypeOf<
  string[]
>();
expectTypeOf(reduceMetrics({ loss: 1, accuracy: 2 }, { group })).resolves.toEqualTypeOf<
  Record<'loss' | 'accuracy', number>
>();

const variables = { w: tf.variable(tf.scalar(1)) };
ddp(variables, { group });
// @ts-expect-error a group is needed
ddp(variables, {});
// @ts-expect-error no such reduction
ddp(variables, { group, reduction: 'median' });
// @ts-expect-error BigInt64Array is not carried
group.allReduce(new BigInt64Array(1));
// @ts-expect-error bitwise reductions are not there
group.sync.allReduce(new Float32Array(1), 'and');

expectTypeOf<'mpi'>().toExtend<BackendName>();
const optimizer = tf.train.adam(0.1);
const loss = () => tf.scalar(1);
shardOptimizer(variables, { group, optimizer }).then((sharded) => {
  expectTypeOf(sharded.minimize(loss)).resolves.toEqualTypeOf<tf.Scalar>();
  expectTypeOf(sharded.shard).toEqualTypeOf<tf.Variable>();
});
// @ts-expect-error an optimizer is needed
shardOptimizer(variables, { group });
localSgd(variables, { group, period: 4 }).then((local) => {
  expectTypeOf(local.step()).resolves.toEqualTypeOf<boolean>();
});
// @ts-expect-error a period is needed
localSgd(variables, { group });
powerSgd(variables, { group, rank: 2 }).then((power) => {
  expectTypeOf(power.sent).toExtend<{ compressed: number; plain: number }>();
});
// @ts-expect-error no such option
powerSgd(variables, { group, columns: 2 });
