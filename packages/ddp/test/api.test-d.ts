import * as tf from '@tensorflow/tfjs-core';
import type { Collective } from '@tfkit/core';
import { type ProcessGroup, spawn } from '@tfkit/ddp';
import { ddp, reduceMetrics } from '@tfkit/ddp/tfjs';
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
