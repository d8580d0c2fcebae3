/** The gradient of tfjs' own `conv3d`, for any dilation, and its forward pass where tfjs-node refuses one. */
import * as tf from '@tensorflow/tfjs-core';
import { convolution3d, filterGradient3d, inputGradient3d } from '../ops/convolution3d';
import { planeAttributes } from '../ops/plane';
import { type Axis, planAxes } from '../plan';

interface Conv3dAttributes {
  readonly strides: number | [number, number, number];
  readonly dilations?: number | [number, number, number];
  readonly pad: 'same' | 'valid' | number;
}

const attributesOf = (xShape: number[], filterShape: number[], attrs: unknown) => {
  const { strides, dilations = 1, pad } = attrs as Conv3dAttributes;
  const options = { strides, dilationRate: dilations, padding: pad };
  const axes = planAxes('conv3d', xShape.slice(1, -1), filterShape.slice(0, 3), options);
  const [depth, height, width] = axes as [Axis, Axis, Axis];
  return { depth, plane: planeAttributes(height, width) };
};

export const conv3dGradient: tf.GradConfig = {
  kernelName: 'Conv3D',
  inputsToSave: ['x', 'filter'],
  gradFunc: (dy, saved, attrs) => {
    const [x, filter] = saved as [tf.Tensor5D, tf.Tensor5D];
    const attributes = attributesOf(x.shape, filter.shape, attrs);
    const dy5d = dy as tf.Tensor5D;
    return {
      x: () => inputGradient3d({ dy: dy5d, filter }, { ...attributes, inputShape: x.shape }),
      filter: () => filterGradient3d({ x, dy: dy5d }, { ...attributes, filterShape: filter.shape }),
    };
  },
};

/** What `Conv3D` gives on the tensorflow backend if it is dilated, which tfjs-node refuses on a CPU; else undefined. */
export function dilatedOnTensorflow(
  name: string,
  inputs: tf.NamedTensorMap,
  attributes: object | undefined,
): tf.Tensor | undefined {
  if (name !== 'Conv3D' || tf.getBackend() !== 'tensorflow') return undefined;
  const { dilations = 1 } = attributes as Conv3dAttributes;
  if ([dilations].flat().every((rate) => rate === 1)) return undefined;
  const { x, filter } = inputs as { x: tf.Tensor5D; filter: tf.Tensor5D };
  return convolution3d({ x, filter }, attributesOf(x.shape, filter.shape, attributes));
}
