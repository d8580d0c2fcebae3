/**
 * tf.layers' convolutions: 'causal' padding, stride together with dilation, and the dilation that DepthwiseConv2D ignores.
 * The classes are found in tfjs' serialization registry, so tfjs-layers need not be here, and may come later.
 */
import * as tf from '@tensorflow/tfjs-core';
import type { Patch } from '@tfkit/core/patches';
import { dilatedDepthwiseConv2d } from '../ops/depthwise';
import { dilatedConv1d, dilatedConv2d, dilatedConv3d } from '../ops/dilatedConv';
import { type DilatedConvOptions, planAxes } from '../plan';

type Shape = (number | null)[];

/** The fields of tfjs-layers' convolutions that are used here. */
interface ConvLayer {
  readonly rank: number;
  readonly kernelSize: number[];
  readonly strides: number[];
  readonly dilationRate: number | number[];
  readonly padding: 'same' | 'valid' | 'causal';
  readonly dataFormat: 'channelsFirst' | 'channelsLast';
  readonly filters: number;
  readonly depthMultiplier: number;
  readonly kernel: Weight;
  readonly depthwiseKernel: Weight;
  readonly pointwiseKernel: Weight;
  readonly bias: Weight | null;
  readonly activation: { apply(x: tf.Tensor): tf.Tensor } | null;
}

interface Weight {
  read(): tf.Tensor;
}

interface LayerPrototype {
  call(inputs: tf.Tensor | tf.Tensor[], kwargs: unknown): tf.Tensor | tf.Tensor[];
  computeOutputShape(inputShape: Shape | Shape[]): Shape | Shape[];
}

/** Which prototypes are replaced, by the class that tfjs registers; the dense ones share their parent's. */
const replacements: Record<string, (prototype: LayerPrototype) => Patch> = {
  Conv1D: (prototype) => replaceMethods(Object.getPrototypeOf(prototype), denseConvolution),
  SeparableConv2D: (prototype) => replaceMethods(Object.getPrototypeOf(prototype), separableConvolution),
  DepthwiseConv2D: (prototype) => replaceMethods(prototype, depthwiseConvolution),
};

interface LayerClass {
  readonly className: string;
  readonly prototype: LayerPrototype;
}

/** Repairs the classes that are registered, and those that will be. */
export function repairLayers(): Patch {
  const { SerializationMap } = tf.serialization;
  const registry = SerializationMap as unknown as { register(cls: LayerClass): void };
  const { register } = registry;
  const patches = new Map<unknown, Patch>();
  const repair = (cls: LayerClass) => {
    const replace = Object.hasOwn(replacements, cls.className) ? replacements[cls.className] : undefined;
    if (replace && !patches.has(cls)) patches.set(cls, replace(cls.prototype));
  };
  const { classNameMap } = SerializationMap.getMap();
  for (const name of Object.keys(replacements)) {
    const cls = classNameMap[name]?.[0] as unknown as LayerClass | undefined;
    if (cls) repair(cls);
  }
  const watchedRegister = (cls: LayerClass) => {
    register(cls);
    repair(cls);
  };
  registry.register = watchedRegister;
  return {
    inForce: () =>
      registry.register === watchedRegister && [...patches.values()].every((patch) => patch.inForce()),
    undo: () => {
      registry.register = register;
      for (const patch of patches.values()) patch.undo();
    },
  };
}

interface Convolution {
  /** Whether tfjs' own `call` fails on, or misreads, the layer. */
  needed(layer: ConvLayer): boolean;
  /** The convolution alone, channels last. */
  convolve(layer: ConvLayer, x: tf.Tensor, options: DilatedConvOptions): tf.Tensor;
  outputChannels(layer: ConvLayer, inputChannels: number | null): number | null;
}

const ratesOf = ({ dilationRate, rank }: ConvLayer): number[] =>
  typeof dilationRate === 'number' ? new Array(rank).fill(dilationRate) : dilationRate;

const exceedsOne = (values: readonly number[]) => values.some((value) => value > 1);

const stridesAndDilates = (layer: ConvLayer) => exceedsOne(layer.strides) && exceedsOne(ratesOf(layer));

const denseConvolution: Convolution = {
  needed: (layer) =>
    layer.padding === 'causal' ||
    stridesAndDilates(layer) ||
    (layer.rank === 3 && exceedsOne(ratesOf(layer))),
  convolve: ({ rank, kernel }, x, options) => {
    const filter = kernel.read();
    if (rank === 1) return dilatedConv1d(x as tf.Tensor3D, filter as tf.Tensor3D, options);
    if (rank === 2) return dilatedConv2d(x as tf.Tensor4D, filter as tf.Tensor4D, options);
    return dilatedConv3d(x as tf.Tensor5D, filter as tf.Tensor5D, options);
  },
  outputChannels: ({ filters }) => filters,
};

const separableConvolution: Convolution = {
  needed: stridesAndDilates,
  convolve: ({ depthwiseKernel, pointwiseKernel }, x, options) =>
    dilatedConv2d(
      dilatedDepthwiseConv2d(x as tf.Tensor4D, depthwiseKernel.read() as tf.Tensor4D, options),
      pointwiseKernel.read() as tf.Tensor4D,
    ),
  outputChannels: ({ filters }) => filters,
};

const depthwiseConvolution: Convolution = {
  needed: (layer) => exceedsOne(ratesOf(layer)),
  convolve: ({ depthwiseKernel }, x, options) =>
    dilatedDepthwiseConv2d(x as tf.Tensor4D, depthwiseKernel.read() as tf.Tensor4D, options),
  outputChannels: ({ depthMultiplier }, channels) => channels && channels * depthMultiplier,
};

function replaceMethods(prototype: LayerPrototype & object, convolution: Convolution): Patch {
  const stock = {
    call: Object.getOwnPropertyDescriptor(prototype, 'call'),
    computeOutputShape: Object.getOwnPropertyDescriptor(prototype, 'computeOutputShape'),
  };
  const { call, computeOutputShape } = prototype;
  const methods = {
    call(this: ConvLayer, inputs: tf.Tensor | tf.Tensor[], kwargs: unknown) {
      if (!convolution.needed(this)) return call.call(this, inputs, kwargs);
      const x = Array.isArray(inputs) ? inputs[0]! : inputs;
      return tf.tidy(() => runLayer(this, x, convolution));
    },
    computeOutputShape(this: ConvLayer, inputShape: Shape | Shape[]) {
      if (!convolution.needed(this)) return computeOutputShape.call(this, inputShape);
      return outputShape(this, onlyShape(inputShape), convolution);
    },
  };
  Object.assign(prototype, methods);
  return {
    inForce: () =>
      prototype.call === methods.call && prototype.computeOutputShape === methods.computeOutputShape,
    undo: () => {
      for (const [name, descriptor] of Object.entries(stock)) {
        if (descriptor) Object.defineProperty(prototype, name, descriptor);
        else delete (prototype as unknown as Record<string, unknown>)[name];
      }
    },
  };
}

const onlyShape = (shape: Shape | Shape[]): Shape =>
  Array.isArray(shape[0]) ? (shape[0] as Shape) : (shape as Shape);

function optionsOf(layer: ConvLayer): DilatedConvOptions {
  return { strides: layer.strides, dilationRate: ratesOf(layer), padding: layer.padding };
}

/** Convolution, bias, activation; channels first by way of a transposition. */
function runLayer(layer: ConvLayer, x: tf.Tensor, { convolve }: Convolution): tf.Tensor {
  const first = layer.dataFormat === 'channelsFirst';
  const spatial = x.shape.slice(2).map((_, axis) => axis);
  const input = first ? tf.transpose(x, [0, ...spatial.map((axis) => axis + 2), 1]) : x;
  const convolved = convolve(layer, input, optionsOf(layer));
  const shifted = layer.bias ? biasAdded(convolved, layer.bias.read()) : convolved;
  const y = layer.activation ? layer.activation.apply(shifted) : shifted;
  return first ? tf.transpose(y, [0, y.rank - 1, ...spatial.map((axis) => axis + 1)]) : y;
}

/** As a matrix: tfjs-webgpu has no shader for a sum of 5 axes and one. */
function biasAdded(y: tf.Tensor, bias: tf.Tensor): tf.Tensor {
  return tf.reshape(tf.add(tf.reshape(y, [-1, bias.size]), bias), y.shape);
}

function outputShape(layer: ConvLayer, shape: Shape, { outputChannels }: Convolution): Shape {
  const first = layer.dataFormat === 'channelsFirst';
  const spatial = first ? shape.slice(2) : shape.slice(1, -1);
  const channels = outputChannels(layer, (first ? shape[1] : shape.at(-1)) ?? null);
  const sizes = spatial.map((size, axis) => {
    if (size === null) return null;
    const [planned] = planAxes('computeOutputShape', [size], [layer.kernelSize[axis]!], {
      strides: layer.strides[axis]!,
      dilationRate: ratesOf(layer)[axis]!,
      padding: layer.padding,
    });
    return planned!.output;
  });
  return first ? [shape[0]!, channels, ...sizes] : [shape[0]!, ...sizes, channels];
}
