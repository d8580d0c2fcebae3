/** What a layer reads, as a small tree, and the exact set of input positions that follows from it. */
import { type AxisPadding, zerosAround } from '../plan';

/** How a layer's output depends on its input. Lists have one entry an axis, or one number for all. */
export type ReceptivePlan =
  /** Each position reads its own. */
  | 'pointwise'
  /** Each position reads all. */
  | 'global'
  | WindowPlan
  /** Moves positions: output p is input p + shift. */
  | { readonly kind: 'shift'; readonly by: readonly number[] }
  /** Output p is input floor(p / factor). */
  | { readonly kind: 'upsample'; readonly factor: readonly number[] }
  | { readonly kind: 'chain'; readonly parts: readonly ReceptivePlan[] }
  | { readonly kind: 'branches'; readonly parts: readonly ReceptivePlan[] };

/** A convolution or pool by its window: kernel size, rate and stride, in cells. */
export interface WindowPlan {
  readonly kind: 'window';
  readonly kernelSize: number | readonly number[];
  readonly dilationRate?: number | readonly number[];
  readonly strides?: number | readonly number[];
  readonly padding: AxisPadding;
}

/** The input positions that output position 0 reads along one axis; output p reads them moved by p * jump. */
export interface AxisReads {
  /** The first position read. */
  readonly first: number;
  /** 1 where a position from `first` on is read, else 0; the first and last are 1. */
  readonly read: Uint8Array;
  readonly jump: number;
}

export const onlyItself: AxisReads = { first: 0, read: Uint8Array.of(1), jump: 1 };

/** What is read through a plan, per axis; `sizes` are those of the plan's input where known. Null: everything. */
export interface Reads {
  readonly axes: readonly AxisReads[];
  /** Some path reads the whole input, whatever the axes say of the rest. */
  readonly global: boolean;
}

const at = (value: number | readonly number[] | undefined, axis: number): number =>
  (typeof value === 'object' ? value[axis] : value) ?? 1;

/** Follows a plan. @throws Error that says why where the set cannot be told. */
export function follow(reads: Reads, plan: ReceptivePlan, sizes: readonly (number | null)[]): Reads {
  if (plan === 'pointwise') return reads;
  if (plan === 'global') return { ...reads, global: true };
  if (plan.kind === 'chain') {
    // Blocks keep the size until they upsample, which comes last.
    return plan.parts.reduce((state, part) => follow(state, part, sizes), reads);
  }
  if (plan.kind === 'branches') {
    // A global branch is noted; what the others read locally still counts.
    return union(
      plan.parts.filter((part) => part !== 'global').map((part) => follow(reads, part, sizes)),
      plan.parts.includes('global'),
    );
  }
  const axes = reads.axes.map((axis, i) => {
    if (plan.kind === 'shift') return { ...axis, first: axis.first + plan.by[i]! * axis.jump };
    if (plan.kind === 'upsample') return upsampled(axis, plan.factor[i]!);
    return windowed(axis, plan, i, sizes[i] ?? null);
  });
  return { ...reads, axes };
}

/** All that several paths read. They must agree in jump. */
export function union(all: readonly Reads[], global = false): Reads {
  const [head, ...rest] = all as [Reads, ...Reads[]];
  return {
    axes: head.axes.map((axis, i) => rest.reduce((sum, { axes }) => joined(sum, axes[i]!), axis)),
    global: global || all.some((reads) => reads.global),
  };
}

function windowed(axis: AxisReads, plan: WindowPlan, i: number, size: number | null): AxisReads {
  const kernel = at(plan.kernelSize, i);
  const rate = at(plan.dilationRate, i);
  const stride = at(plan.strides, i);
  const extent = (kernel - 1) * rate + 1;
  // Where the size is unknown, that of a large multiple of the stride.
  const [before] = zerosAround(plan.padding, size ?? stride * 2 ** 20, extent, stride);
  let sum: AxisReads | undefined;
  for (let tap = 0; tap < kernel; tap++) {
    const moved = { ...axis, first: axis.first + (tap * rate - before) * axis.jump };
    sum = sum ? joined(sum, moved) : moved;
  }
  return { ...sum!, jump: axis.jump * stride };
}

/** The outputs between two inputs read the first of them: the union over where an output may stand. */
function upsampled(axis: AxisReads, factor: number): AxisReads {
  const jump = axis.jump / factor;
  if (!Number.isInteger(jump)) {
    throw new Error(
      `upsampling by ${factor} after strides of ${axis.jump} in all leaves positions between the inputs`,
    );
  }
  let sum = axis;
  for (let phase = 1; phase < factor; phase++) {
    sum = joined(sum, { ...axis, first: axis.first - phase * jump });
  }
  return { ...sum, jump };
}

function joined(a: AxisReads, b: AxisReads): AxisReads {
  if (a.jump !== b.jump) throw new Error(`paths with strides of ${a.jump} and ${b.jump} in all meet`);
  const first = Math.min(a.first, b.first);
  const end = Math.max(a.first + a.read.length, b.first + b.read.length);
  const read = new Uint8Array(end - first);
  for (const part of [a, b]) {
    for (let i = 0; i < part.read.length; i++) if (part.read[i]) read[part.first - first + i] = 1;
  }
  return { first, read, jump: a.jump };
}
