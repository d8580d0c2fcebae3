/** What the webgpu backend has wrong or slow, replaced. */
import * as tf from '@tensorflow/tfjs-core';
import { composedAdam } from '../adam';
import { matMulPerTap } from '../gradients/conv2d';
import { composedLinearCombination } from '../ops/linearCombination';
import { applyPatch, replaceKernels } from '../patches';
import { type Composition, compositionKernels, einsum, runStock, segmentSumDropping } from './compositions';
import { layerKernels, stockKernel } from './fast';
import { conv2dBackpropFilter } from './webgpu/conv2d';
import { adam, linearCombination } from './webgpu/elementwise';

/** Adds the kernels that the webgpu backend lacks and replaces wrong ones; what is in force stays. */
export function applyWebgpuKernels(): void {
  applyPatch('kernels/webgpu', () => {
    const table: Record<string, Composition> = {
      Einsum: einsum,
      TfkitConv2DBackpropFilter: (inputs, attributes) => matMulPerTap(inputs, attributes),
      TfkitLinearCombination: composedLinearCombination,
      TfkitAdam: composedAdam,
    };
    const segmentSum = stockKernel('UnsortedSegmentSum', 'webgpu');
    if (segmentSum) table.UnsortedSegmentSum = droppingIds(segmentSum);
    for (const name of ['Cumsum', 'Cumprod']) {
      const stock = stockKernel(name, 'webgpu');
      if (stock) table[name] = forwardOnly(stock);
    }
    const fast = {
      Conv2DBackpropFilter: conv2dBackpropFilter,
      TfkitConv2DBackpropFilter: conv2dBackpropFilter,
      TfkitLinearCombination: linearCombination,
      TfkitAdam: adam,
    };
    return replaceKernels(layerKernels('webgpu', compositionKernels('webgpu', table), fast));
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

/** tfjs' own writes what lies out of range wherever its index leads. */
function droppingIds(stock: tf.KernelConfig): Composition {
  return ({ x, segmentIds }, { numSegments }) =>
    segmentSumDropping(x, segmentIds, numSegments, (values, ids, rows) =>
      runStock(stock, { x: values, segmentIds: ids }, { numSegments: rows }),
    );
}
