/** Fast kernels over slower ones: a fast kernel may decline a case, which then goes where it went before. */
import type * as tf from '@tensorflow/tfjs-core';
import { getKernel } from '@tensorflow/tfjs-core';

/** What a kernel gives back: one output, or all. */
export type KernelOutput = tf.TensorInfo | tf.TensorInfo[];

/** Runs a kernel on its backend's data, or returns undefined for a case (dtype, layout) that it does not cover. */
export type FastKernel = (
  // biome-ignore lint/suspicious/noExplicitAny: tfjs gives every kernel its inputs, attributes and backend untyped
  inputs: any,
  // biome-ignore lint/suspicious/noExplicitAny: see above
  attributes: any,
  // biome-ignore lint/suspicious/noExplicitAny: see above
  backend: any,
) => KernelOutput | undefined;

interface LayeredKernel extends tf.KernelConfig {
  /** What lies under a fast kernel, so that it is never layered twice. */
  readonly beneath: tf.KernelConfig | undefined;
}

/** The kernel that a backend brought itself, also where a fast one lies over it. */
export function stockKernel(kernelName: string, backendName: string): tf.KernelConfig | undefined {
  const registered = getKernel(kernelName, backendName) as LayeredKernel | undefined;
  return registered && 'beneath' in registered ? registered.beneath : registered;
}

/**
 * The kernels of `base` and of `fast`. What a fast kernel declines is run by the base kernel of its name, else by the
 * one that the backend brought; a fast kernel with neither is left out.
 */
export function layerKernels(
  backendName: string,
  base: readonly tf.KernelConfig[],
  fast: Readonly<Record<string, FastKernel>>,
): tf.KernelConfig[] {
  const names = new Set([...base.map(({ kernelName }) => kernelName), ...Object.keys(fast)]);
  return [...names].flatMap((kernelName) => {
    const stock = stockKernel(kernelName, backendName);
    const beneath = base.find((kernel) => kernel.kernelName === kernelName) ?? stock;
    const run = fast[kernelName];
    if (!beneath) return [];
    const { kernelFunc } = beneath;
    const layered: LayeredKernel = {
      kernelName,
      backendName,
      beneath: stock,
      setupFunc: stock?.setupFunc,
      disposeFunc: stock?.disposeFunc,
      kernelFunc: run ? (call) => run(call.inputs, call.attrs, call.backend) ?? kernelFunc(call) : kernelFunc,
    };
    return [layered];
  });
}

/** True if every given tensor holds float32. */
export const allFloat32 = (...tensors: (tf.TensorInfo | null | undefined)[]): boolean =>
  tensors.every((tensor) => !tensor || tensor.dtype === 'float32');

/** The range that a fused activation amounts to; undefined for others, which go to tfjs' own kernel. */
export function clampOf(activation: string | undefined): readonly [low: number, high: number] | undefined {
  if (activation === undefined || activation === 'linear') return [-Infinity, Infinity];
  if (activation === 'relu') return [0, Infinity];
  return activation === 'relu6' ? [0, 6] : undefined;
}

export const sizeOf = (shape: readonly number[]): number =>
  shape.reduce((product, size) => product * size, 1);
