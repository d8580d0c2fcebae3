/** Pools of several sizes around every cell: the SPP of YOLO and its cascade. */
import * as tf from '@tensorflow/tfjs-core';
import { checkInteger, checkKnownOptions, formatValue, OptionError } from '@tfkit/core';
import { asFloat, mapInfo } from '../maps';
import { slidingMax } from '../ops/maxima';

/**
 * Maxima float32 [batch, height, width, channels] over a window of kernel x kernel cells around every cell. The map is padded
 * with -infinity, never with 0. Differentiable; the gradient goes to the first of equal cells in row-major order.
 *
 * @param x float32 or int32 [batch, height, width, channels].
 * @param kernel an odd integer >= 1.
 * @throws ShapeError for another rank; OptionError if the kernel is even.
 */
export function slidingMaxPool2d(x: tf.Tensor4D, kernel: number): tf.Tensor4D {
  mapInfo('slidingMaxPool2d', x, [4]);
  checkKernel('slidingMaxPool2d', 'kernel', kernel);
  return tf.tidy(() => around(asFloat(x), kernel));
}

/**
 * The map and its maxima over windows of several sizes, one after the other in the channels: float32 [batch, height, width,
 * channels (1 + kernels)]. The largest window is taken of the next smaller one's result, which is exact: a maximum over
 * radius r, of a maximum over radius s, is one over r + s. So (5, 9, 13) costs what `sppf` costs.
 *
 * @param x float32 or int32 [batch, height, width, channels].
 * @param options.kernels odd integers >= 1. Default [5, 9, 13].
 * @throws ShapeError for another rank; OptionError if a kernel is even or there is none.
 *
 * Gradients are those of independent pools wherever a window has one maximum; of equal ones the cascade may choose another.
 * Source: Huang et al., DC-SPP-YOLO (arXiv:1903.08589); the SPP of YOLOv3-SPP to YOLOv5.
 */
export function yoloSpp(x: tf.Tensor4D, options: { readonly kernels?: readonly number[] } = {}): tf.Tensor4D {
  checkKnownOptions('yoloSpp', options, ['kernels']);
  const { kernels = [5, 9, 13] } = options;
  mapInfo('yoloSpp', x, [4]);
  checkKernels('yoloSpp', kernels);
  return tf.tidy(() => {
    const map = asFloat(x);
    return tf.concat([map, ...poolsOf(map, kernels)], 3);
  });
}

/**
 * The map and `repeats` maxima, each over a window of the one before: float32 [batch, height, width, channels (1 + repeats)].
 * With kernel k they are windows of k, 2k - 1, 3k - 2 cells of the map.
 *
 * @param x float32 or int32 [batch, height, width, channels].
 * @param options.kernel an odd integer >= 1. Default 5.
 * @param options.repeats an integer >= 1. Default 3.
 * @throws ShapeError for another rank; OptionError for a bad option.
 *
 * Source: Jocher, YOLOv5 release 6.0 (2021), SPPF.
 */
export function sppf(
  x: tf.Tensor4D,
  options: { readonly kernel?: number; readonly repeats?: number } = {},
): tf.Tensor4D {
  checkKnownOptions('sppf', options, ['kernel', 'repeats']);
  const { kernel = 5, repeats = 3 } = options;
  mapInfo('sppf', x, [4]);
  checkKernel('sppf', 'kernel', kernel);
  checkInteger(['sppf', 'repeats'], repeats, { min: 1 });
  return tf.tidy(() => {
    const maps = [asFloat(x)];
    for (let i = 0; i < repeats; i++) maps.push(around(maps[i]!, kernel));
    return tf.concat(maps, 3);
  });
}

/** Pools in the order of `kernels`, each from the next smaller one. */
export function poolsOf(x: tf.Tensor4D, kernels: readonly number[]): tf.Tensor4D[] {
  const pools = new Map<number, tf.Tensor4D>();
  let [size, map] = [1, x];
  for (const kernel of [...new Set(kernels)].sort((a, b) => a - b)) {
    map = kernel === size ? map : around(map, kernel - size + 1);
    size = kernel;
    pools.set(kernel, map);
  }
  return kernels.map((kernel) => pools.get(kernel)!);
}

const around = (x: tf.Tensor4D, kernel: number): tf.Tensor4D =>
  slidingMax({ x }, { radius: (kernel - 1) / 2 }) as tf.Tensor4D;

export function checkKernels(functionName: string, kernels: readonly number[]): void {
  if (!Array.isArray(kernels) || kernels.length === 0) {
    throw new OptionError(
      `${functionName}: kernels must be a list of odd integers, got ${formatValue(kernels)}.`,
    );
  }
  for (const [i, kernel] of kernels.entries()) checkKernel(functionName, `kernels[${i}]`, kernel);
}

export function checkKernel(functionName: string, argument: string, kernel: number): void {
  if (Number.isSafeInteger(kernel) && kernel >= 1 && kernel % 2 === 1) return;
  throw new OptionError(
    `${functionName}: ${argument} must be an odd integer >= 1, got ${formatValue(kernel)}. An even window has no middle.`,
  );
}
