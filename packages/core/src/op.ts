/** One way to write a differentiable op, open to faster kernels per backend. */
import * as tf from '@tensorflow/tfjs-core';
import type { FastKernel } from './kernels/fast';

/** An op's tensors by name. */
export type OpInputs = Record<string, tf.Tensor>;
/** Settings of an op that are no tensors; not differentiated. */
export type OpAttributes = Record<string, unknown>;

/** What a kernel gives beside its output, kept for the gradient: the positions of maxima, say. */
export type OpResult<O extends tf.Tensor> = O | readonly [O, ...tf.Tensor[]];

/** An op: its name in tfjs' registry, its composition of tfjs ops, and its gradient. */
export interface OpDefinition<I extends OpInputs, A extends OpAttributes, O extends tf.Tensor> {
  /** The kernel's name in tfjs' registry. Prefix it by the package: `DilatedConvConv2d`. */
  readonly name: string;
  /**
   * The op as a composition of tfjs ops. Runs inside a tidy, never on the gradient tape. An array is the output and what
   * the gradient needs beside it.
   */
  forward(inputs: I, attributes: A): OpResult<O>;
  /**
   * Faster kernels by backend name, which travel with the op: on tfjs' internals, unregistered. One that returns
   * undefined declines the case. What the registry holds under `name` goes before them.
   */
  readonly kernels?: Readonly<Record<string, FastKernel>>;
  /**
   * The inputs whose values the gradient reads. Of others it is given the shape and dtype alone: what is kept costs memory.
   * Default all.
   */
  readonly reads?: readonly (keyof I & string)[];
  /**
   * The vector-Jacobian product for each input, as thunks: only those that are needed are run. Written with tfjs ops
   * or other defined ops, it can be differentiated again. Inputs without an entry have no gradient.
   *
   * @param dys what comes in on every output where `all` was called, else `dy` alone.
   */
  gradient(
    dy: O,
    saved: { readonly inputs: I; readonly output: O; readonly rest: readonly tf.Tensor[] },
    attributes: A,
    dys: readonly tf.Tensor[],
  ): { [K in keyof I]?: () => tf.Tensor };
}

/** A differentiable op as `defineOp` gives it: called for its first output, or for all. */
export interface Op<I extends OpInputs, A extends OpAttributes, O extends tf.Tensor> {
  (inputs: I, attributes: A): O;
  /** The output and what is kept beside it. Gradients of these reach the op's as `dys`; most ops leave them out. */
  all(inputs: I, attributes: A): readonly [O, ...tf.Tensor[]];
}

/** The part of tfjs' engine behind `tf.customGrad` that takes thunks; `customGrad` itself runs every gradient. */
interface Engine {
  runKernelFunc<R extends tf.Tensor | tf.Tensor[]>(call: {
    forwardFunc: (backend: unknown, save: (tensors: tf.Tensor[]) => void) => R;
    backwardsFunc: (dy: tf.Tensor | tf.Tensor[], saved: tf.Tensor[]) => Record<string, () => tf.Tensor>;
    inputs: OpInputs;
    attrs: OpAttributes;
  }): R;
}

/**
 * An op that runs everywhere and is differentiable: the kernel of the same name if the current backend has one
 * (`tf.registerKernel({kernelName: name, backendName, kernelFunc})`, by anyone), else one of `kernels`, else its
 * composition.
 *
 * @throws Error if the input is not as described.
 *
 * @example
 * const square = defineOp({
 *   name: 'MySquare',
 *   forward: ({ x }: { x: tf.Tensor }) => tf.mul(x, x),
 *   gradient: (dy, { inputs: { x } }) => ({ x: () => tf.mul(dy, tf.mul(2, x)) }),
 * });
 * square({ x: tf.scalar(3) }, {});
 */
export function defineOp<
  I extends OpInputs,
  A extends OpAttributes = Record<string, never>,
  O extends tf.Tensor = tf.Tensor,
>(definition: OpDefinition<I, A, O>): Op<I, A, O> {
  const { name, reads, gradient } = definition;
  const run = <R extends tf.Tensor | tf.Tensor[]>(
    inputs: I,
    attributes: A,
    pick: (all: tf.Tensor[]) => R,
  ): R => {
    const keys = Object.keys(inputs) as (keyof I & string)[];
    const kept = reads ?? keys;
    const forwardFunc = (backend: unknown, save: (tensors: tf.Tensor[]) => void): R => {
      const outputs = runForward(definition, inputs, attributes, backend);
      save([...kept.map((key) => inputs[key] as tf.Tensor), ...outputs]);
      return pick(outputs);
    };
    const backwardsFunc = (dy: tf.Tensor | tf.Tensor[], saved: tf.Tensor[]) => {
      const savedInputs = { ...inputs, ...Object.fromEntries(kept.map((key, index) => [key, saved[index]])) };
      const [output, ...rest] = saved.slice(kept.length) as [O, ...tf.Tensor[]];
      const dys = [dy].flat();
      const thunks = gradient(dys[0] as O, { inputs: savedInputs, output, rest }, attributes, dys);
      const missing = (key: string) => () => {
        throw new Error(`${name}: no gradient is defined for input '${key}'.`);
      };
      return Object.fromEntries(keys.map((key) => [key, thunks[key] ?? missing(key)]));
    };
    const engine = tf.engine() as unknown as Engine;
    return engine.runKernelFunc<R>({ forwardFunc, backwardsFunc, inputs, attrs: attributes });
  };
  const op = (inputs: I, attributes: A) => run(inputs, attributes, ([output]) => output as O);
  const all = (inputs: I, attributes: A) =>
    run<tf.Tensor[]>(inputs, attributes, (outputs) => outputs) as unknown as readonly [O, ...tf.Tensor[]];
  return Object.assign(op, { all });
}

function runForward<I extends OpInputs, A extends OpAttributes, O extends tf.Tensor>(
  { name, kernels, forward }: OpDefinition<I, A, O>,
  inputs: I,
  attributes: A,
  backend: unknown,
): tf.Tensor[] {
  const current = tf.getBackend();
  const attrs = attributes as unknown as tf.NamedAttrMap;
  const given = tf.getKernel(name, current)
    ? (tf.engine().runKernel(name, inputs, attrs) as tf.Tensor | tf.Tensor[])
    : (kernels?.[current]?.(inputs, attributes, backend) ?? forward(inputs, attributes));
  return ([given].flat() as tf.TensorInfo[]).map((output) =>
    output instanceof tf.Tensor ? output : tf.engine().makeTensorFromTensorInfo(output),
  );
}
