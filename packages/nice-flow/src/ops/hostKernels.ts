/** Ops as loops on the host, for backends whose memory is the host's: one loop replaces a chain of small tensor ops. */
import * as tf from '@tensorflow/tfjs-core';
import type { OpAttributes, OpDefinition, OpInputs } from '@tfkit/core/tfjs';

type Kernels = NonNullable<OpDefinition<OpInputs, OpAttributes, tf.Tensor>['kernels']>;

/** A tensor's numbers as they lie on the host: not to be written to. */
export const numbersOf = (tensor: tf.Tensor): Float32Array => tensor.dataSync() as Float32Array;

/**
 * The kernels of cpu, wasm and tensorflow (unless it computes on a GPU) for `defineOp`.
 *
 * @param run undefined leaves the case to the composition.
 * @param most on wasm and tensorflow, inputs with more numbers than this are left to the composition.
 */
export function hostKernels<I extends OpInputs, A extends OpAttributes>(
  run: (inputs: I, attributes: A) => tf.Tensor | tf.Tensor[] | undefined,
  most = Number.POSITIVE_INFINITY,
): Kernels {
  const bounded: Kernels[string] = (inputs: I, attributes: A, backend: { isUsingGpuDevice?: boolean }) => {
    const isLarge = Object.values(inputs).some(({ size }) => size > most);
    return backend.isUsingGpuDevice || isLarge ? undefined : run(inputs, attributes);
  };
  return { cpu: (inputs: I, attributes: A) => run(inputs, attributes), wasm: bounded, tensorflow: bounded };
}

/** Numbers from which TensorFlow's and wasm's own loops make up for what each of their ops costs. */
export const smallOnHost = 2 ** 16;

/**
 * Whether a gradient is computed that will be differentiated itself: it then has to be a composition of tfjs' ops, which have
 * gradients, rather than one op.
 */
export function isDifferentiatedAgain(): boolean {
  return tf.engine().state.gradientDepth > 0;
}
