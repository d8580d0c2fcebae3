/** What the webgpu backend has wrong, replaced. */
import * as tf from '@tensorflow/tfjs-core';
import { applyPatch, replaceKernels } from '../patches';
import { type Composition, compositionKernels, einsum, runStock } from './compositions';

export function applyWebgpuKernels(): void {
  applyPatch('kernels/webgpu', () => {
    const table: Record<string, Composition> = { Einsum: einsum };
    for (const name of ['Cumsum', 'Cumprod']) {
      const stock = tf.getKernel(name, 'webgpu');
      if (stock) table[name] = forwardOnly(stock);
    }
    return replaceKernels(compositionKernels('webgpu', table));
  });
}

/**
 * tfjs' reversed scan compiles the axis' length into its shader but leaves it out of the shader's cache key: after one
 * length, every other gives wrong sums. A reversed scan is a forward one between two reversals.
 */
function forwardOnly(stock: tf.KernelConfig): Composition {
  return (inputs, attributes) => {
    const { axis, reverse } = attributes as { axis: number; reverse: boolean };
    const scan = (x: tf.Tensor) => runStock(stock, { x }, { ...attributes, reverse: false });
    return reverse ? tf.reverse(scan(tf.reverse(inputs.x as tf.Tensor, axis)), axis) : scan(inputs.x);
  };
}
