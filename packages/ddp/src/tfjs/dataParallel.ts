/** What `ddp` returns: gradients over all ranks, and what surrounds them. */
import * as tf from '@tensorflow/tfjs-core';
import { BackendError, OptionError, ValueError } from '@tfkit/core';
import type { ProcessGroup } from '../processGroup';
import { Reducer, type ReducerOptions } from './reducer';
import { installTaps } from './taps';
import { broadcastVariables, hashOf, type Trained } from './variables';

/** A loss and its gradients by the names of the variables; the caller disposes them. */
export interface VariableGradients {
  /** The loss of this rank's batch. */
  readonly value: tf.Scalar;
  readonly grads: tf.NamedTensorMap;
}

type Loss = () => tf.Scalar;

/** The methods of an optimizer before it was wrapped. */
type Stock = Pick<tf.Optimizer, 'computeGradients' | 'applyGradients'>;

/**
 * Training whose gradients are averaged over the ranks of a group; `ddp` makes one. `dispose` lets go of its buffers
 * and taps.
 */
export class DataParallel {
  private readonly reducer: Reducer;
  private readonly stock = new Map<tf.Optimizer, Stock>();
  private readonly accumulated = new Map<number, tf.Tensor>();
  private syncing = true;
  /** Inside `join`: who took part in the last step. */
  private active: Int32Array[] | undefined;
  /** Local gradients that wait for `callbacks().onBatchEnd`, where tensors cannot be read at once. */
  private deferred:
    | { optimizer: tf.Optimizer; grads: tf.NamedTensorMap; order: readonly tf.Variable[] }
    | undefined;

  /** @internal Made by `ddp`. */
  constructor(
    readonly group: ProcessGroup,
    private readonly trained: Trained,
    options: ReducerOptions,
    private readonly reads: 'sync' | 'async' | undefined,
  ) {
    const named = trained.parameters.map((variable) => ({
      name: trained.names.get(variable)!,
      size: variable.size,
    }));
    this.reducer = new Reducer(group, named, options);
  }

  /** Makes `optimizer.minimize` apply reduced gradients. The optimizer of a model that was compiled before `ddp` is wrapped already. */
  wrapOptimizer(optimizer: tf.Optimizer): void {
    if (this.stock.has(optimizer)) return;
    const stock: Stock = {
      computeGradients: optimizer.computeGradients.bind(optimizer),
      applyGradients: optimizer.applyGradients.bind(optimizer),
    };
    this.stock.set(optimizer, stock);
    optimizer.computeGradients = (loss, variables) =>
      this.readsAtOnce() ? this.reduced(loss, variables, false) : this.defer(optimizer, loss, variables);
    optimizer.applyGradients = (gradients) => {
      if (this.syncing && !this.deferred) stock.applyGradients(gradients);
    };
  }

  /**
   * The loss of this rank's batch and the reduced gradients, by the names of the variables, as `tf.variableGrads` gives
   * them. The caller disposes them. Inside `noSync` the gradients are this rank's own.
   *
   * @throws BackendError on backends without synchronous reads: use `minimize`.
   */
  variableGrads(loss: Loss, variables?: tf.Variable[]): VariableGradients {
    if (!this.readsAtOnce()) throw noSyncReads('variableGrads', 'await parallel.minimize(optimizer, loss)');
    return this.reduced(loss, variables, true);
  }

  /**
   * One step of `optimizer` with reduced gradients; the loss of this rank's batch, which the caller disposes. It works on
   * every backend: without synchronous reads (webgpu) gradients are reduced after the backward pass.
   */
  async minimize(optimizer: tf.Optimizer, loss: Loss, variables?: tf.Variable[]): Promise<tf.Scalar> {
    this.wrapOptimizer(optimizer);
    if (this.readsAtOnce()) return optimizer.minimize(loss, true, variables ?? [...this.trained.parameters])!;
    const { value, grads } = this.defer(optimizer, loss, variables);
    tf.dispose(grads);
    await this.applyDeferred();
    return value;
  }

  /** Callbacks for `model.fit`, needed on backends without synchronous reads: they apply the gradients after each batch. */
  callbacks(): { onBatchEnd: () => Promise<void> } {
    return { onBatchEnd: () => this.applyDeferred() };
  }

  /**
   * Runs `body` without communication: its gradients are kept, and added to those of the next step outside. Optimizers
   * do not move. For batches in several parts; divide the loss by their number.
   */
  noSync<T>(body: () => T): T {
    this.syncing = false;
    try {
      return body();
    } finally {
      this.syncing = true;
    }
  }

  /**
   * Runs a training loop whose number of steps differs between ranks. A rank that is done goes on with gradients of zero
   * until the last one is; the mean is still over all ranks. Then all take over the variables of a rank that was last.
   * The states of optimizers differ afterwards. `SyncBatchNormalization` and metrics cannot be used inside.
   */
  async join<T>(body: () => T | Promise<T>): Promise<T> {
    this.active = [];
    const result = await body();
    let last = this.active;
    while (this.takePart(false)) {
      last = this.active;
      this.reducer.begin();
      this.reducer.finish(() => true);
    }
    this.active = undefined;
    const root = Math.max(
      0,
      last.findIndex(([isActive]) => isActive === 1),
    );
    await broadcastVariables(this.group, [...this.trained.parameters, ...this.trained.buffers], root);
    return result;
  }

  /** @throws ValueError on every rank if variables differ between ranks, naming the first variable and the ranks. */
  async checkSync(): Promise<void> {
    const { parameters, names } = this.trained;
    const hashes = new Uint32Array(2 * parameters.length);
    for (const [index, variable] of parameters.entries()) {
      hashes.set(hashOf((await variable.data()) as Float32Array), 2 * index);
    }
    const all = this.group.sync.allGather(hashes);
    for (let at = 0; at < hashes.length; at++) {
      const odd = all.flatMap((other, rank) => (other[at] === all[0]![at] ? [] : [rank]));
      if (odd.length === 0) continue;
      throw new ValueError(
        `checkSync: variables must be the same on all ranks, got other values of '${names.get(parameters[at >> 1]!)}' on ` +
          `rank ${odd.join(', ')} than on rank 0. Ranks must apply the same updates; clip gradients after the reduction.`,
      );
    }
  }

  /** Gives all ranks rank 0's moving averages. Call it before evaluating or saving on every rank. */
  async syncBuffers(): Promise<void> {
    await broadcastVariables(this.group, this.trained.buffers);
  }

  /** Gives the optimizers their own methods back and disposes what was accumulated. */
  dispose(): void {
    for (const [optimizer, stock] of this.stock) Object.assign(optimizer, stock);
    this.stock.clear();
    for (const tensor of this.accumulated.values()) tensor.dispose();
    this.accumulated.clear();
    this.dropDeferred();
  }

  private reduced(
    loss: Loss,
    variables: readonly tf.Variable[] | undefined,
    copy: boolean,
  ): VariableGradients {
    const chosen = this.chosen(variables);
    if (!this.syncing) return this.accumulate(this.localGrads(loss, chosen));
    if (this.active) this.takePart(true);
    this.reducer.begin();
    const done = new Set<number>();
    const put = (index: number, gradient: tf.Tensor) => {
      done.add(index);
      this.put(index, gradient);
    };
    const local = this.localGrads(loss, chosen, put);
    for (const [name, gradient] of Object.entries(local.grads)) {
      const index = this.indexOf(name);
      if (!done.has(index)) put(index, gradient);
    }
    tf.dispose(local.grads);
    return { value: local.value, grads: this.finish(chosen, copy) };
  }

  private localGrads(
    loss: Loss,
    variables: readonly tf.Variable[],
    onGradient?: (index: number, gradient: tf.Tensor) => void,
  ): VariableGradients {
    const { parameters } = this.trained;
    const tapped = () => {
      const value = loss();
      if (onGradient) installTaps(parameters, onGradient);
      return value;
    };
    return tf.variableGrads(tapped, [...variables]) as VariableGradients;
  }

  /** Writes a gradient, and what was accumulated, into its bucket. */
  private put(index: number, gradient: tf.Tensor, values?: Float32Array): void {
    const before = this.accumulated.get(index);
    if (!before) {
      this.reducer.put(index, values ?? (gradient.dataSync() as Float32Array));
      return;
    }
    this.accumulated.delete(index);
    const sum = tf.add(gradient, before);
    this.reducer.put(index, sum.dataSync() as Float32Array);
    tf.dispose([sum, before]);
  }

  private finish(chosen: readonly tf.Variable[], copy: boolean): tf.NamedTensorMap {
    for (const [index, tensor] of this.accumulated) {
      this.reducer.put(index, tensor.dataSync() as Float32Array);
      tensor.dispose();
    }
    this.accumulated.clear();
    const { parameters } = this.trained;
    const optional = chosen.length === parameters.length ? undefined : new Set(chosen);
    const results = this.reducer.finish(
      (index) => optional !== undefined && !optional.has(parameters[index]!),
    );
    const grads: tf.NamedTensorMap = {};
    for (const [index, values] of results.entries()) {
      const { name, shape } = parameters[index]!;
      // Without a copy the tensor lies in the shared memory, which the next step overwrites.
      if (values) grads[name] = tf.tensor(copy ? values.slice() : values, shape, 'float32');
    }
    return grads;
  }

  private accumulate({ value, grads }: VariableGradients): VariableGradients {
    for (const [name, gradient] of Object.entries(grads)) {
      const index = this.indexOf(name);
      const before = this.accumulated.get(index);
      this.accumulated.set(index, tf.keep(before ? tf.add(before, gradient) : tf.clone(gradient)));
      before?.dispose();
    }
    return { value, grads };
  }

  private defer(optimizer: tf.Optimizer, loss: Loss, variables?: readonly tf.Variable[]): VariableGradients {
    if (this.deferred) {
      this.dropDeferred();
      throw noSyncReads(
        'minimize',
        'await parallel.minimize(optimizer, loss), and in model.fit pass {callbacks: parallel.callbacks()}',
      );
    }
    const order = this.chosen(variables);
    const local = this.localGrads(loss, order);
    if (!this.syncing) return this.accumulate(local);
    const grads = Object.fromEntries(
      Object.entries(local.grads).map(([name, gradient]) => [name, tf.keep(tf.clone(gradient))]),
    );
    this.deferred = { optimizer, grads, order };
    return local;
  }

  private dropDeferred(): void {
    if (this.deferred) tf.dispose(this.deferred.grads);
    this.deferred = undefined;
  }

  private async applyDeferred(): Promise<void> {
    const { deferred } = this;
    if (!deferred) return;
    const { optimizer, grads, order } = deferred;
    try {
      for (const [index, tensor] of this.accumulated) {
        const { name } = this.trained.parameters[index]!;
        const sum = grads[name] ? tf.add(grads[name], tensor) : tf.clone(tensor);
        grads[name]?.dispose();
        tensor.dispose();
        grads[name] = tf.keep(sum);
      }
      this.accumulated.clear();
      const names = Object.keys(grads);
      const values = await Promise.all(names.map((name) => grads[name]!.data()));
      if (this.active) this.takePart(true);
      this.reducer.begin();
      names.forEach((name, i) => {
        this.put(this.indexOf(name), grads[name]!, values[i] as Float32Array);
      });
      const reduced = this.finish(order, true);
      this.stock.get(optimizer)!.applyGradients(order.map(({ name }) => ({ name, tensor: reduced[name]! })));
      tf.dispose(reduced);
    } finally {
      this.dropDeferred();
    }
  }

  /** Inside `join`: whether any rank still trains. */
  private takePart(isActive: boolean): boolean {
    this.active = this.group.sync.allGather(Int32Array.of(isActive ? 1 : 0));
    return this.active.some(([other]) => other === 1);
  }

  private chosen(variables: readonly tf.Variable[] | undefined): readonly tf.Variable[] {
    const { parameters } = this.trained;
    if (!variables) return parameters;
    const foreign = variables.find((variable) => variable.trainable && !parameters.includes(variable));
    if (!foreign) return variables.filter(({ trainable }) => trainable);
    throw new OptionError(`ddp: variables must be among those given to ddp, got '${foreign.name}'.`);
  }

  /** tfjs' webgpu backend has no `dataSync` in Node. */
  private readsAtOnce(): boolean {
    return (this.reads ?? (tf.getBackend() === 'webgpu' ? 'async' : 'sync')) === 'sync';
  }

  private indexOf(name: string): number {
    return this.trained.parameters.findIndex((variable) => variable.name === name);
  }
}

const noSyncReads = (functionName: string, instead: string) =>
  new BackendError(
    `${functionName}: the backend must read tensors synchronously, got '${tf.getBackend()}' with asynchronous reads. Use ${instead}.`,
  );
