/** TensorFlow's own ops, which tfjs-node runs by name but has no kernels for. */
import * as tf from '@tensorflow/tfjs-core';
import { allOnes } from '../../gradients/geometry';
import { convNumbers } from '../convInfo';
import { allFloat32, type FastKernel } from '../fast';
import { isLongRow, rowFilterGradient } from './phases';

interface Attribute {
  readonly name: string;
  readonly type: number;
  readonly value: unknown;
}

/** The internals of tfjs-node 4.22 that are used here. */
interface TensorflowBackend {
  readonly binding: Record<
    'TF_ATTR_TYPE' | 'TF_ATTR_SHAPE' | 'TF_ATTR_STRING' | 'TF_ATTR_BOOL' | 'TF_ATTR_INT' | 'TF_FLOAT',
    number
  >;
  executeSingleOutput(op: string, attributes: Attribute[], inputs: tf.Tensor[]): tf.Tensor;
  executeMultipleOutputs(
    op: string,
    attributes: Attribute[],
    inputs: tf.Tensor[],
    outputs: number,
  ): tf.Tensor[];
}

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

/** dy where the output of a relu is positive. */
export const reluGrad: FastKernel = ({ dy, y }, _attributes, backend: TensorflowBackend) => {
  if (!allFloat32(dy, y)) return undefined;
  const { TF_ATTR_TYPE, TF_FLOAT } = backend.binding;
  return backend.executeSingleOutput(
    'ReluGrad',
    [{ name: 'T', type: TF_ATTR_TYPE, value: TF_FLOAT }],
    [dy, y],
  );
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

let resources = 0;

/**
 * ResourceApplyAdam on three resource variables that live for the call. A variable shares its buffer with the tensor
 * assigned to it until it is written to, so each costs one copy and the inputs stay as they are.
 */
export const adam: FastKernel = (inputs, attributes, backend: TensorflowBackend) => {
  const { parameter, firstMoment, secondMoment, gradient } = inputs;
  if (!allFloat32(parameter, firstMoment, secondMoment, gradient)) return undefined;
  const { beta1, beta2, stepSize, correction2, epsilon } = attributes;
  const { binding } = backend;
  const float = (name: string) => ({ name, type: binding.TF_ATTR_TYPE, value: binding.TF_FLOAT });
  const text = (name: string, value: string) => ({ name, type: binding.TF_ATTR_STRING, value });
  const no = (name: string) => ({ name, type: binding.TF_ATTR_BOOL, value: false });
  const targets = [parameter, firstMoment, secondMoment] as tf.Tensor[];
  return tf.tidy(() => {
    const handles = targets.map((tensor) =>
      backend.executeSingleOutput(
        'VarHandleOp',
        [
          float('dtype'),
          { name: 'shape', type: binding.TF_ATTR_SHAPE, value: tensor.shape },
          text('container', ''),
          text('shared_name', `tfkit/adam/${resources++}`),
        ],
        [],
      ),
    );
    try {
      handles.forEach((handle, i) => {
        backend.executeMultipleOutputs('AssignVariableOp', [float('dtype')], [handle, targets[i]!], 0);
      });
      // TensorFlow's step size is lr sqrt(1 - beta2^t) / (1 - beta1^t), and its epsilon is not corrected: with both
      // powers given as 0, the step size and epsilon of algorithm 1 take that form.
      const root = Math.sqrt(correction2);
      const numbers = [0, 0, stepSize * root, beta1, beta2, epsilon * root].map((value) => tf.scalar(value));
      backend.executeMultipleOutputs(
        'ResourceApplyAdam',
        [float('T'), no('use_locking'), no('use_nesterov')],
        [...handles, ...numbers, gradient],
        0,
      );
      return handles.map((handle) =>
        backend.executeSingleOutput('ReadVariableOp', [float('dtype')], [handle]),
      );
    } finally {
      for (const handle of handles) {
        backend.executeMultipleOutputs('DestroyResourceOp', [no('ignore_lookup_error')], [handle], 0);
      }
    }
  });
};
