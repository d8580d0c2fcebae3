/** One rank of the stage ddp: trains the segmenter on its part of each batch. */
import * as tf from '@tensorflow/tfjs-core';
import { ensureGradients, ensureKernels, type SelectBackendOptions, selectBackend } from '@tfkit/core/tfjs';
import type { ProcessGroup } from '@tfkit/ddp';
import { ddp } from '@tfkit/ddp/tfjs';
import type { Canvases } from '../data/canvases';
import { createSegmenter } from './segmenter';
import { batchOf, classWeights, trainStep } from './training';

export interface RankPlan {
  readonly backend: string;
  readonly canvases: Canvases;
  readonly classes: number;
  readonly steps: number;
  /** Canvases of one step, over all ranks. */
  readonly batch: number;
  readonly seed: number;
}

export interface RankOutcome {
  /** Of the mean over all ranks, each step. */
  readonly losses: number[];
  readonly stepsPerSecond: number;
}

export default async function trainRank(group: ProcessGroup, plan: RankPlan): Promise<RankOutcome> {
  tf.enableProdMode();
  await selectBackend({ require: plan.backend as SelectBackendOptions['require'] });
  await ensureGradients();
  await ensureKernels();
  const { canvases, classes, steps, seed } = plan;
  const own = plan.batch / group.size;
  // Each rank begins with other weights; ddp gives all those of rank 0.
  const variables = createSegmenter(classes, seed + group.rank);
  const optimizer = tf.train.adam(0.003);
  const parallel = await ddp(variables, { group, optimizer });
  const weights = tf.tensor1d(classWeights(canvases.targets, classes));
  const losses: number[] = [];
  let start = performance.now();
  for (let step = 0; step < steps; step++) {
    const samples = batchOf(canvases, step * plan.batch + group.rank * own, own);
    const loss = trainStep(variables, optimizer, samples, weights);
    losses.push(group.sync.allReduce(Float32Array.of((await loss.data())[0]!), 'mean')[0]!);
    tf.dispose([loss, samples]);
    // The first step compiles and fills caches.
    if (step === 0) start = performance.now();
  }
  const stepsPerSecond = (steps - 1) / ((performance.now() - start) / 1000);
  await parallel.checkSync();
  return { losses, stepsPerSecond };
}
