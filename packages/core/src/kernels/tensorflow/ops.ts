/** TensorFlow's own ops, which tfjs-node runs by name but has no kernels for. */
import * as tf from '@tensorflow/tfjs-core';
import { allOnes } from '../../gradients/geometry';
import { convNumbers } from '../convInfo';
import { allFloat32, type FastKernel } from '../fast';
import { type Attribute, attributesOf, type TensorflowBackend } from './backend';
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
  backend: TensorflowBackend,
): Attribute[] | undefined {
  const conv = convNumbers(xShape, filterShape, attributes);
  if (!conv) return undefined;
  const { h, w, kh, kw, oh, ow, sh, sw, dh, dw, top, left } = conv;
  const bottom = Math.max(0, (oh - 1) * sh + (kh - 1) * dh + 1 - h - top);
  const right = Math.max(0, (ow - 1) * sw + (kw - 1) * dw + 1 - w - left);
  const { float, ints, text } = attributesOf(backend);
  const padding =
    attributes.pad === 'same' || attributes.pad === 'valid'
      ? [text('padding', attributes.pad.toUpperCase())]
      : [text('padding', 'EXPLICIT'), ints('explicit_paddings', [0, 0, top, bottom, left, right, 0, 0])];
  return [
    float('T'),
    ints('strides', [1, sh, sw, 1]),
    ints('dilations', [1, dh, dw, 1]),
    ...padding,
    text('data_format', 'NHWC'),
  ];
}

/** The same memory once more: gradients of products cast float32 to float32, which TensorFlow answers with an op. */
export const cast: FastKernel = ({ x }: { x: tf.TensorInfo }, { dtype }, backend: TensorflowBackend) => {
  if (x.dtype !== dtype) return undefined;
  backend.incRef(x.dataId);
  return { dataId: x.dataId, shape: x.shape, dtype };
};

/** The same memory once more for the same shape, as gradients of broadcasts ask for where nothing was broadcast. */
export const reshape: FastKernel = ({ x }: { x: tf.TensorInfo }, { shape }, backend: TensorflowBackend) => {
  if (shape.length !== x.shape.length || shape.some((size: number, i: number) => size !== x.shape[i]))
    return undefined;
  backend.incRef(x.dataId);
  return { dataId: x.dataId, shape: x.shape, dtype: x.dtype };
};

/** relu(sign(x)), NaN where x is. tfjs-node's own fills two tensors of that shape on the host and selects twice. */
export const step: FastKernel = ({ x }, { alpha }, backend: TensorflowBackend) => {
  if (alpha || !allFloat32(x)) return undefined;
  const attributes = [attributesOf(backend).float('T')];
  return tf.tidy(() =>
    backend.executeSingleOutput('Relu', attributes, [backend.executeSingleOutput('Sign', attributes, [x])]),
  );
};

/** MatMul for matrices: BatchMatMulV2, which tfjs-node takes for all ranks, is up to four times slower for small ones. */
export const matMul: FastKernel = ({ a, b }, { transposeA, transposeB }, backend: TensorflowBackend) => {
  if (a.shape.length !== 2 || b.shape.length !== 2 || !allFloat32(a, b)) return undefined;
  const { float, bool } = attributesOf(backend);
  return backend.executeSingleOutput(
    'MatMul',
    [float('T'), bool('transpose_a', transposeA), bool('transpose_b', transposeB)],
    [a, b],
  );
};

/** BiasAddGrad adds rows one after the other, twice as fast as Sum; of more rows than this its rounding would show. */
const mostRows = 4096;

/** The sum over all axes but the last, as gradients of biases are. */
export const sum: FastKernel = ({ x }, { axis, keepDims }, backend: TensorflowBackend) => {
  const rank = x.shape.length;
  const axes = tf.util.parseAxisParam(axis, x.shape);
  const areAllButLast = rank >= 2 && axes.length === rank - 1 && !axes.includes(rank - 1);
  const rows = tf.util.sizeFromShape(x.shape.slice(0, -1));
  if (!areAllButLast || keepDims || rows < 2 || rows > mostRows || !allFloat32(x)) return undefined;
  if (backend.isUsingGpuDevice) return undefined;
  const { float, text } = attributesOf(backend);
  return backend.executeSingleOutput('BiasAddGrad', [float('T'), text('data_format', 'NHWC')], [x]);
};

export const reluGrad: FastKernel = ({ dy, y }, _attributes, backend: TensorflowBackend) =>
  allFloat32(dy, y)
    ? backend.executeSingleOutput('ReluGrad', [attributesOf(backend).float('T')], [dy, y])
    : undefined;
