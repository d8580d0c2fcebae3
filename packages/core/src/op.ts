/** One way to write a differentiable op, open to faster kernels per backend. */
import * as tf from '@tensorflow/tfjs-core';

export type OpInputs = Record<string, tf.Tensor>;
export type OpAttributes = Record<string, unknown>;

export interface OpDefinition<I extends OpInputs, A extends OpAttributes, O extends tf.Tensor> {
  /** The kernel's name in tfjs' registry. Prefix it by the package: `DilatedConvConv2d`. */
  readonly name: string;
  /** The op as a composition of tfjs ops. Runs inside a tidy, never on the gradient tape. */
  forward(inputs: I, attributes: A): O;
  /**
   * The vector-Jacobian product for each input, as thunks: only those that are needed are run. Written with tfjs ops
   * or other defined ops, it can be differentiated again. Inputs without an entry have no gradient.
   */
  gradient(
    dy: O,
    saved: { readonly inputs: I; readonly output: O },
    attributes: A,
  ): { [K in keyof I]?: () => tf.Tensor };
}

export type Op<I extends OpInputs, A extends OpAttributes, O extends tf.Tensor> = (
  inputs: I,
  attributes: A,
) => O;

/** The part of tfjs' engine behind `tf.customGrad` that takes thunks; `customGrad` itself runs every gradient. */
interface Engine {
  runKernelFunc(call: {
    forwardFunc: (backend: unknown, save: (tensors: tf.Tensor[]) => void) => tf.Tensor;
    backwardsFunc: (dy: tf.Tensor, saved: tf.Tensor[]) => Record<string, () => tf.Tensor>;
    inputs: OpInputs;
    attrs: OpAttributes;
  }): tf.Tensor;
}

/**
 * An op that runs everywhere and is differentiable: its composition, or the kernel of the same name if the current
 * backend has one (`tf.registerKernel({kernelName: name, backendName, kernelFunc})`, by anyone).
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
  const { name, forward, gradient } = definition;
  return (inputs, attributes) => {
    const keys = Object.keys(inputs) as (keyof I & string)[];
    const forwardFunc = (_backend: unknown, save: (tensors: tf.Tensor[]) => void): tf.Tensor => {
      const output = tf.getKernel(name, tf.getBackend())
        ? (tf.engine().runKernel(name, inputs, attributes as unknown as tf.NamedAttrMap) as tf.Tensor)
        : forward(inputs, attributes);
      save([...keys.map((key) => inputs[key] as tf.Tensor), output]);
      return output;
    };
    const backwardsFunc = (dy: tf.Tensor, saved: tf.Tensor[]) => {
      const savedInputs = Object.fromEntries(keys.map((key, index) => [key, saved[index]])) as I;
      const output = saved[keys.length] as O;
      const thunks = gradient(dy as O, { inputs: savedInputs, output }, attributes);
      const missing = (key: string) => () => {
        throw new Error(`${name}: no gradient is defined for input '${key}'.`);
      };
      return Object.fromEntries(keys.map((key) => [key, thunks[key] ?? missing(key)]));
    };
    const engine = tf.engine() as unknown as Engine;
    return engine.runKernelFunc({ forwardFunc, backwardsFunc, inputs, attrs: attributes }) as O;
  };
}
