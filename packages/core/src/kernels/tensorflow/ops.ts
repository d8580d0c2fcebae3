/** TensorFlow's own ops, which tfjs-node runs by name but has no kernels for. */
import * as tf from '@tensorflow/tfjs-core';
import { allOnes } from '../../gradients/geometry';
import { convNumbers } from '../convInfo';
import { allFloat32, type FastKernel } from '../fast';
import type { Attribute, TensorflowBackend } from './backend';
import { isLongRow, rowFilterGradient } from './phases';

export const conv2dBackpropInput: FastKernel = (inputs, attributes, backend: TensorflowBackend) => {
  const { inputShape } = attributes;
  const { dy, filter } = inputs;
  const convAttributes = convolution(inputShape, filter.shape, attributes, backend);
  if (!convAttributes || !allFloat32(dy, filter)) return undefined;
  return runOrRemember(backend, attributes, () => {
    const shape = tf.tensor1d(inputShape, 'int32');
    return backend.executeSingleOutput('Conv2DBackpropInput', convAttributes, [shape, filter, dy]);
  });
};

export const conv2dBackpropFilter: FastKernel = (inputs, attributes, backend: TensorflowBackend) => {
  const { filterShape } = attributes;
  const { x, dy } = inputs;
  const convAttributes = convolution(x.shape, filterShape, attributes, backend);
  if (!convAttributes || !allFloat32(x, dy)) return undefined;
  if (isLongRow(x.shape, filterShape, attributes))
    return tf.tidy(() => rowFilterGradient(inputs, attributes));
  return runOrRemember(backend, attributes, () => {
    const shape = tf.tensor1d(filterShape, 'int32');
    return backend.executeSingleOutput('Conv2DBackpropFilter', convAttributes, [x, shape, dy]);
  });
};

const withoutDilation = new WeakSet<TensorflowBackend>();

/**
 * Runs an op in a tidy. TensorFlow's dilated gradients are there with oneDNN, which it uses on some processors only:
 * once it refuses them, the composition takes over for good.
 */
function runOrRemember(
  backend: TensorflowBackend,
  { dilations }: { dilations: readonly number[] },
  run: () => tf.Tensor,
): tf.Tensor | undefined {
  if (allOnes(dilations)) return tf.tidy(run);
  if (withoutDilation.has(backend)) return undefined;
  try {
    return tf.tidy(run);
  } catch (error) {
    if (!/dilation/.test(String(error))) throw error;
    withoutDilation.add(backend);
    return undefined;
  }
}

function convolution(
  xShape: number[],
  filterShape: number[],
  attributes: Parameters<typeof convNumbers>[2],
  { binding }: TensorflowBackend,
): Attribute[] | undefined {
  const conv = convNumbers(xShape, filterShape, attributes);
  if (!conv) return undefined;
  const { h, w, kh, kw, oh, ow, sh, sw, dh, dw, top, left } = conv;
  const bottom = Math.max(0, (oh - 1) * sh + (kh - 1) * dh + 1 - h - top);
  const right = Math.max(0, (ow - 1) * sw + (kw - 1) * dw + 1 - w - left);
  const ints = (name: string, value: number[]) => ({ name, type: binding.TF_ATTR_INT, value });
  const text = (value: string) => ({ name: 'padding', type: binding.TF_ATTR_STRING, value });
  const padding =
    attributes.pad === 'same' || attributes.pad === 'valid'
      ? [text(attributes.pad.toUpperCase())]
      : [text('EXPLICIT'), ints('explicit_paddings', [0, 0, top, bottom, left, right, 0, 0])];
  return [
    { name: 'T', type: binding.TF_ATTR_TYPE, value: binding.TF_FLOAT },
    ints('strides', [1, sh, sw, 1]),
    ints('dilations', [1, dh, dw, 1]),
    ...padding,
    { name: 'data_format', type: binding.TF_ATTR_STRING, value: 'NHWC' },
  ];
}

/** The same memory once more: gradients of products cast float32 to float32, which TensorFlow answers with an op. */
export const cast: FastKernel = ({ x }: { x: tf.TensorInfo }, { dtype }, backend: TensorflowBackend) => {
  if (x.dtype !== dtype) return undefined;
  backend.incRef(x.dataId);
  return { dataId: x.dataId, shape: x.shape, dtype };
};

/** relu(sign(x)), NaN where x is. tfjs-node's own fills two tensors of that shape on the host and selects twice. */
export const step: FastKernel = ({ x }, { alpha }, backend: TensorflowBackend) => {
  if (alpha || !allFloat32(x)) return undefined;
  const attributes = [float(backend)];
  return tf.tidy(() =>
    backend.executeSingleOutput('Relu', attributes, [backend.executeSingleOutput('Sign', attributes, [x])]),
  );
};

/** MatMul for matrices: BatchMatMulV2, which tfjs-node takes for all ranks, is up to four times slower for small ones. */
export const matMul: FastKernel = ({ a, b }, { transposeA, transposeB }, backend: TensorflowBackend) => {
  if (a.shape.length !== 2 || b.shape.length !== 2 || !allFloat32(a, b)) return undefined;
  const transpose = (name: string, value: boolean) => ({
    name,
    type: backend.binding.TF_ATTR_BOOL,
    value,
  });
  return backend.executeSingleOutput(
    'MatMul',
    [float(backend), transpose('transpose_a', transposeA), transpose('transpose_b', transposeB)],
    [a, b],
  );
};

export const reluGrad: FastKernel = ({ dy, y }, _attributes, backend: TensorflowBackend) =>
  allFloat32(dy, y) ? backend.executeSingleOutput('ReluGrad', [float(backend)], [dy, y]) : undefined;

const float = ({ binding }: TensorflowBackend): Attribute => ({
  name: 'T',
  type: binding.TF_ATTR_TYPE,
  value: binding.TF_FLOAT,
});
