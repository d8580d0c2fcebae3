/** Collects the gradients of one step in buckets, starts each bucket when it is full, and gives what came of them. */
import { OptionError, ValueError } from '@tfkit/core';
import type { Pending, ProcessGroup, ResidentBuffer } from '../processGroup';
import { type BucketLayout, layoutBuckets } from './buckets';

export interface ReducerOptions {
  readonly bucketBytes: number;
  readonly firstBucketBytes: number;
  readonly overlap: boolean;
  readonly findUnusedParameters: boolean;
  readonly checkFinite: boolean;
  readonly compression: 'fp16' | 'bf16' | undefined;
  readonly reduction: 'mean' | 'sum';
}

export interface NamedSize {
  readonly name: string;
  readonly size: number;
}

export class Reducer {
  private readonly buffer: ResidentBuffer;
  private layout: BucketLayout;
  private ordered = false;
  /** Of this step: variables in the order in which their gradients came. */
  private arrived: number[] = [];
  private readonly has: Uint8Array;
  private missing: number[] = [];
  private pending: Pending[] = [];
  private notFinite = -1;

  constructor(
    private readonly group: ProcessGroup,
    private readonly variables: readonly NamedSize[],
    private readonly options: ReducerOptions,
  ) {
    // Until the order is known: the last variable's gradient comes first.
    this.layout = this.layoutOf(variables.map((_, index) => variables.length - 1 - index));
    this.buffer = group.allocate(this.layout.length);
    this.has = new Uint8Array(variables.length);
    this.begin();
  }

  private layoutOf(order: ArrayLike<number>): BucketLayout {
    const sizes = this.variables.map(({ size }) => size);
    return layoutBuckets(sizes, order, this.options);
  }

  /** Begins a step. */
  begin(): void {
    this.arrived = [];
    this.has.fill(0);
    this.missing = this.layout.buckets.map(({ members }) => members.length);
    this.pending = [];
    this.notFinite = -1;
  }

  /** The complete gradient of a variable on this rank. */
  put(index: number, values: Float32Array): void {
    this.buffer.local.set(values, this.layout.offsets[index]!);
    if (this.options.checkFinite && this.notFinite < 0 && !allFinite(values)) this.notFinite = index;
    this.arrived.push(index);
    this.has[index] = 1;
    const bucket = this.layout.buckets.findIndex(({ members }) => members.includes(index));
    this.missing[bucket]!--;
    if (this.options.overlap) this.startFull();
  }

  /** Starts the next buckets as long as they are full: in index order, the same on all ranks. */
  private startFull(): void {
    const { buckets } = this.layout;
    const { compression, reduction } = this.options;
    while (this.pending.length < buckets.length && this.missing[this.pending.length] === 0) {
      const { start, count } = buckets[this.pending.length]!;
      this.pending.push(this.group.start(this.buffer, { start, count, op: reduction, compression }));
    }
  }

  /**
   * Ends the step: waits for all buckets.
   *
   * @param optional variables that need no gradient in this step.
   * @returns the reduced gradient of each variable, in the shared memory, valid until the next step; undefined where no
   * rank had one.
   * @throws OptionError if a variable got none and that is not allowed; ValueError if a rank's is not finite.
   */
  finish(optional: (index: number) => boolean = () => false): (Float32Array | undefined)[] {
    const { variables, options, layout, buffer } = this;
    const unused = variables.flatMap((_, index) => (this.has[index] ? [] : [index]));
    const forbidden = options.findUnusedParameters ? [] : unused.filter((index) => !optional(index));
    if (forbidden.length > 0) this.throwUnused(forbidden);
    const order = [...this.arrived];
    const has = this.has.slice();
    const zeros = (size: number) => new Float32Array(size);
    for (const index of unused) this.put(index, zeros(variables[index]!.size));
    this.missing.fill(0);
    this.startFull();
    if (options.checkFinite) this.throwNotFinite();
    const used = options.findUnusedParameters ? this.group.sync.allReduce(has, 'max') : has;
    for (const pending of this.pending) this.group.wait(pending);
    const results = variables.map(({ size }, index) => {
      const start = layout.offsets[index]!;
      return used[index] ? buffer.result.subarray(start, start + size) : undefined;
    });
    this.learnOrder([...order, ...unused]);
    return results;
  }

  /** After the first step the buckets follow rank 0's order of gradients. The results of this step stay where they are. */
  private learnOrder(order: number[]): void {
    if (this.ordered) return;
    this.ordered = true;
    this.layout = this.layoutOf(this.group.sync.broadcast(Int32Array.from(order)));
  }

  private throwUnused(indices: readonly number[]): never {
    const names = indices.map((index) => `'${this.variables[index]!.name}'`).join(', ');
    throw new OptionError(
      `ddp: variables must all have a gradient on every rank, got none for ${names} on rank ${this.group.rank}. ` +
        'Pass {findUnusedParameters: true} if the loss does not always depend on them.',
    );
  }

  private throwNotFinite(): void {
    const all = this.group.sync.allGather(Int32Array.of(this.notFinite));
    const rank = all.findIndex(([index]) => index! >= 0);
    if (rank < 0) return;
    const name = this.variables[all[rank]![0]!]!.name;
    throw new ValueError(`ddp: gradients must be finite, got NaN or Infinity for '${name}' on rank ${rank}.`);
  }
}

function allFinite(values: Float32Array): boolean {
  for (let i = 0; i < values.length; i++) if (values[i]! - values[i]! !== 0) return false;
  return true;
}
