/**
 * Counting on the device: one WGSL kernel on webgpu, which reads back only the matrix.
 *
 * The kernel is in tfjs' registry under `SegMetricsPairCounts`, so that another backend may bring one of its own. Global
 * atomics: on the software adapter 28 ms a megapixel, against 93 ms with workgroup-shared tables and 53 ms as bincount.
 */
import * as tf from '@tensorflow/tfjs-core';

export const kernelName = 'SegMetricsPairCounts';

export interface PairCountAttributes {
  readonly numClasses: number;
  readonly ignore: readonly number[];
  readonly images: number;
  /** Predictions hold `numClasses` logits a pixel. */
  readonly logits: boolean;
}

/** Cells of an image: numClasses rows of numClasses + 1 (the last: no class), then ignored and invalid targets. */
export const cellsPerImage = (numClasses: number): number => numClasses * (numClasses + 1) + 2;

/** What of tfjs' WebGPU backend is used (4.22). */
interface WebGPUBackend {
  runWebGPUProgram?(
    program: object,
    inputs: tf.TensorInfo[],
    dtype: string,
    uniforms: { type: string; data: number[] }[],
    output: tf.TensorInfo,
  ): tf.TensorInfo;
}

const workgroup = 256;
/** Enough to fill any device; each invocation strides over the map. */
const maxWorkgroups = 4096;

/** True if the current backend has the kernel, registering webgpu's when it is met first. */
export function hasPairCountKernel(): boolean {
  const backend = tf.getBackend();
  if (tf.getKernel(kernelName, backend)) return true;
  const engine = tf.backend() as unknown as WebGPUBackend;
  if (backend !== 'webgpu' || typeof engine.runWebGPUProgram !== 'function') return false;
  tf.registerKernel({
    kernelName,
    backendName: 'webgpu',
    kernelFunc: countOnWebGPU as unknown as tf.KernelFunc,
  });
  return true;
}

/** int32 [images * cellsPerImage]; the caller disposes it. */
export function runPairCounts(
  predictions: tf.Tensor,
  targets: tf.Tensor,
  attributes: PairCountAttributes,
): tf.Tensor1D {
  return tf
    .engine()
    .runKernel(kernelName, { predictions, targets }, attributes as unknown as tf.NamedAttrMap) as tf.Tensor1D;
}

function countOnWebGPU({
  inputs,
  attrs,
  backend,
}: {
  inputs: { predictions: tf.Tensor; targets: tf.Tensor };
  attrs: PairCountAttributes;
  backend: WebGPUBackend;
}): tf.TensorInfo {
  const { predictions, targets } = inputs;
  const pixels = targets.size;
  const cells = attrs.images * cellsPerImage(attrs.numClasses);
  const groups = Math.min(Math.ceil(pixels / workgroup), maxWorkgroups);
  // Filled on the device: the kernel adds to what is there.
  const output = tf.fill([cells], 0, 'int32');
  const flat = ({ dataId, size, dtype }: tf.Tensor): tf.TensorInfo => ({ dataId, shape: [size], dtype });
  const program = {
    outputShape: [cells],
    workgroupSize: [workgroup, 1, 1],
    dispatchLayout: { x: [0] },
    dispatch: [groups, 1, 1],
    variableNames: ['predictions', 'targets'],
    uniforms: 'pixels : i32, imagePixels : i32, stride : i32,',
    shaderKey: `segMetricsPairCounts_${attrs.numClasses}_${attrs.ignore}_${attrs.logits}`,
    atomic: true,
    getUserCode: () => shader(attrs),
  };
  return backend.runWebGPUProgram!(
    program,
    [flat(predictions), flat(targets)],
    'int32',
    [pixels, pixels / attrs.images, groups * workgroup].map((value) => ({ type: 'int32', data: [value] })),
    output,
  );
}

function shader({ numClasses, ignore, logits }: PairCountAttributes): string {
  const cells = numClasses * (numClasses + 1);
  const ignored = ignore.map((label) => `t == ${label}`).join(' || ') || 'false';
  const prediction = logits
    ? `var p = 0;
        var best = predictions[i * ${numClasses}];
        for (var c = 1; c < ${numClasses}; c++) {
          let value = predictions[i * ${numClasses} + c];
          if (value > best) { best = value; p = c; }
        }`
    : `var p = predictions[i];
        if (p < 0 || p >= ${numClasses}) { p = ${numClasses}; }`;
  return `
    fn main(index : i32) {
      for (var i = index; i < uniforms.pixels; i += uniforms.stride) {
        let base = (i / uniforms.imagePixels) * ${cells + 2};
        let t = targets[i];
        if (${ignored}) { atomicAdd(&result[base + ${cells}], 1); continue; }
        if (t < 0 || t >= ${numClasses}) { atomicAdd(&result[base + ${cells + 1}], 1); continue; }
        ${prediction}
        atomicAdd(&result[base + t * ${numClasses + 1} + p], 1);
      }
    }`;
}
