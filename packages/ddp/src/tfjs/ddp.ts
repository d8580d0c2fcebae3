/** Data-parallel training: each rank computes the gradients of its own batch, and all apply their mean. */
import * as tf from '@tensorflow/tfjs-core';
import { BackendError, checkKnownOptions, checkNumber, checkOneOf, OptionError } from '@tfkit/core';
import type { ProcessGroup } from '../processGroup';
import { DataParallel } from './dataParallel';
import type { ReducerOptions } from './reducer';
import { broadcastVariables, checkSameVariables, type DdpTarget, isModel, trainedOf } from './variables';

/** How gradients are gathered and reduced. */
export interface DdpOptions {
  readonly group: ProcessGroup;
  /** Optimizers whose `minimize` shall reduce. Default: that of a compiled model. */
  readonly optimizer?: tf.Optimizer | readonly tf.Optimizer[];
  /** Reduce during the backward pass. Default true. */
  readonly overlap?: boolean;
  /** Bytes of gradients that are reduced together. Default 25 MiB. */
  readonly bucketBytes?: number;
  /** Bytes of the first bucket, so that communication starts early. Default 1 MiB. */
  readonly firstBucketBytes?: number;
  /** Accept variables without a gradient in a step: they count as zero, or stay untouched where no rank has one. Default false. */
  readonly findUnusedParameters?: boolean;
  /** Throw, naming the rank and the variable, when a gradient is NaN or infinite. Default false. */
  readonly checkFinite?: boolean;
  /** Send gradients as numbers of 16 bits. Default: as float32. */
  readonly compression?: 'fp16' | 'bf16';
  /** What becomes of the gradients of all ranks. Default 'mean', as in PyTorch. */
  readonly reduction?: 'mean' | 'sum';
  /**
   * How gradients are read out of the backend: 'sync' in the backward pass, 'async' after it, by `parallel.minimize` or the
   * callbacks of `model.fit`. Default: 'async' on webgpu, which knows no other, and 'sync' elsewhere.
   */
  readonly reads?: 'sync' | 'async';
}

const known = [
  'group',
  'optimizer',
  'overlap',
  'bucketBytes',
  'firstBucketBytes',
  'findUnusedParameters',
  'checkFinite',
  'compression',
  'reduction',
  'reads',
];

/**
 * Training of a model, or of variables, over the ranks of a group. A collective call.
 *
 * All ranks take over rank 0's variables, also the moving averages of batch normalisation. From then on
 * `optimizer.minimize`, and so `model.fit`, applies the mean of the gradients of all ranks: W ranks with batches of b
 * train as one process with batches of W b, up to rounding, if the loss is a mean and nothing else looks at the
 * whole batch (`SyncBatchNormalization` for batch normalisation). The loss that is returned is that of this rank's batch.
 *
 * @param target a tf.layers model (compiled before, or pass its optimizer to `wrapOptimizer` later), or variables.
 * @throws CollectiveError if shapes differ between ranks; OptionError for a bad option.
 * @example
 * const group = await initProcessGroup();
 * const parallel = await ddp(model, { group });
 * await model.fit(xs, ys, { batchSize: 64, epochs: 3 });
 */
export async function ddp(target: DdpTarget, options: DdpOptions): Promise<DataParallel> {
  checkKnownOptions('ddp', options, known);
  const { group } = options;
  if (typeof group?.allocate !== 'function') {
    throw new OptionError(
      'ddp: options.group must be a ProcessGroup, got none. Make one with initProcessGroup().',
    );
  }
  if (tf.getBackend() === undefined)
    throw new BackendError('ddp: a backend must be set. await selectBackend()');
  const reducerOptions = readOptions(options);
  const trained = trainedOf(target);
  checkSameVariables(group, trained);
  await broadcastVariables(group, [...trained.parameters, ...trained.buffers]);
  const parallel = new DataParallel(group, trained, reducerOptions, options.reads);
  const ofModel = isModel(target) ? modelOptimizer(target) : undefined;
  for (const optimizer of [options.optimizer ?? ofModel ?? []].flat()) parallel.wrapOptimizer(optimizer);
  return parallel;
}

/** `model.optimizer` throws before `compile`. */
function modelOptimizer(model: { optimizer?: tf.Optimizer }): tf.Optimizer | undefined {
  try {
    return model.optimizer;
  } catch {
    return undefined;
  }
}

function readOptions(options: DdpOptions): ReducerOptions {
  const {
    overlap = true,
    bucketBytes = 25 * 2 ** 20,
    firstBucketBytes = 2 ** 20,
    findUnusedParameters = false,
    checkFinite = false,
    compression,
    reduction = 'mean',
  } = options;
  checkNumber(['ddp', 'options.bucketBytes'], bucketBytes, { min: 0, open: 'min' });
  checkNumber(['ddp', 'options.firstBucketBytes'], firstBucketBytes, { min: 0, open: 'min' });
  if (options.reads !== undefined) checkOneOf(['ddp', 'options.reads'], options.reads, ['sync', 'async']);
  checkOneOf(['ddp', 'options.reduction'], reduction, ['mean', 'sum'] as const);
  if (compression !== undefined) checkOneOf(['ddp', 'options.compression'], compression, ['fp16', 'bf16']);
  return {
    overlap,
    bucketBytes,
    firstBucketBytes,
    findUnusedParameters,
    checkFinite,
    compression,
    reduction,
  };
}
