/**
 * The gradients inside `tf.fused.conv2d` and `tf.fused.depthwiseConv2d`, which are closed: no registry has them, and for
 * dilation they throw. tfjs builds each call with `engine.customGrad` around one run of the kernel; both are watched, and
 * where the kernel ran dilated the gradient is replaced by that of the composition. The same watch lets `conv3d` dilate on
 * tensorflow.
 */
import * as tf from '@tensorflow/tfjs-core';
import {
  type ConvAttributes,
  conv2dFilterGradient,
  conv2dInputGradient,
  depthwiseFilterGradient,
  depthwiseInputGradient,
} from '@tfkit/core/convolution';
import type { Patch } from '@tfkit/core/patches';
import { dilatedOnTensorflow } from './conv3d';

type CustomGradient = (...tensors: unknown[]) => { value: tf.Tensor; gradFunc: GradientFunction };
type GradientFunction = (dy: tf.Tensor, saved: tf.Tensor[]) => tf.Tensor | tf.Tensor[];

/** The two methods of tfjs' engine that are watched; assigning one hides that of the prototype. */
interface Engine {
  customGrad(f: CustomGradient): (...inputs: tf.Tensor[]) => tf.Tensor;
  runKernel(name: string, inputs: tf.NamedTensorMap, attributes?: FusedAttributes): unknown;
}

interface FusedAttributes {
  readonly strides: number | [number, number];
  readonly dilations?: number | [number, number] | null;
  readonly pad: ConvAttributes['pad'];
  readonly dataFormat?: string;
  readonly activation?: string;
}

interface FusedCall {
  readonly depthwise: boolean;
  readonly attributes: FusedAttributes;
}

/** Watches the engine that all copies of tfjs-core share. */
export function repairFusedGradients(): Patch {
  const engine = tf.engine() as unknown as Engine;
  const { customGrad, runKernel } = engine;
  let dilatedCall: FusedCall | undefined;
  const watchedRunKernel: Engine['runKernel'] = (name, inputs, attributes) => {
    const depthwise = name === 'FusedDepthwiseConv2D';
    if ((depthwise || name === 'FusedConv2D') && attributes && isDilated(attributes)) {
      dilatedCall = { depthwise, attributes };
    }
    return dilatedOnTensorflow(name, inputs, attributes) ?? runKernel.call(engine, name, inputs, attributes);
  };
  const repairedCustomGrad: Engine['customGrad'] = (f) =>
    customGrad.call(engine, (...tensors) => {
      dilatedCall = undefined;
      const result = f(...tensors);
      const call = dilatedCall as FusedCall | undefined;
      dilatedCall = undefined;
      return call ? { ...result, gradFunc: gradientOf(call) } : result;
    });
  engine.customGrad = repairedCustomGrad;
  engine.runKernel = watchedRunKernel;
  return {
    inForce: () => engine.customGrad === repairedCustomGrad && engine.runKernel === watchedRunKernel,
    undo: () => {
      engine.customGrad = customGrad;
      engine.runKernel = runKernel;
    },
  };
}

const pair = (value: number | [number, number] | null | undefined): [number, number] =>
  typeof value === 'object' && value !== null ? value : [value ?? 1, value ?? 1];

const isDilated = ({ dilations }: FusedAttributes) => pair(dilations).some((rate) => rate !== 1);

/** tfjs saves [filter, x, y] and the bias, if any, and fuses in training for 'linear' alone. */
function gradientOf({ depthwise, attributes }: FusedCall): GradientFunction {
  const { strides, dilations, pad, activation = 'linear' } = attributes;
  const geometry: ConvAttributes = { strides: pair(strides), dilations: pair(dilations), pad };
  const [toInput, toFilter] = depthwise
    ? [depthwiseInputGradient, depthwiseFilterGradient]
    : [conv2dInputGradient, conv2dFilterGradient];
  return (dy, saved) => {
    const [filter, x, y, bias] = saved as [tf.Tensor4D, tf.Tensor4D, tf.Tensor4D, tf.Tensor | undefined];
    if (activation !== 'linear' && activation !== 'relu') {
      throw new Error(`Cannot compute gradient for fused activation ${activation}.`);
    }
    // An input of rank 3 stands for a batch of one.
    const dy4d = tf.reshape<tf.Rank.R4>(dy, y.shape);
    const dz = activation === 'relu' ? tf.mul<tf.Tensor4D>(dy4d, tf.step(y)) : dy4d;
    const gradients: tf.Tensor[] = [
      toInput({ dy: dz, filter }, { ...geometry, inputShape: x.shape }),
      toFilter({ x, dy: dz }, { ...geometry, filterShape: filter.shape }),
    ];
    if (bias) gradients.push(sumTo(dz, bias.shape));
    return gradients;
  };
}

/** Sums over the axes that a bias was broadcast along. */
function sumTo(dz: tf.Tensor, shape: number[]): tf.Tensor {
  const missing = dz.rank - shape.length;
  const axes = dz.shape
    .map((size, axis) => (axis < missing || (shape[axis - missing] === 1 && size !== 1) ? axis : -1))
    .filter((axis) => axis >= 0);
  return tf.reshape(axes.length > 0 ? tf.sum(dz, axes) : dz, shape);
}
