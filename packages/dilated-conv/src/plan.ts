/** The numbers of a convolution, checked once at the public edge: sizes, strides, dilations and explicit padding. */
import type * as tf from '@tensorflow/tfjs-core';
import {
  checkDType,
  checkInteger,
  checkKnownOptions,
  checkRank,
  formatShape,
  formatValue,
  OptionError,
  ShapeError,
} from '@tfkit/core';

/** 'same' is TensorFlow's rule (the odd zero goes behind), 'causal' pads (k - 1) * dilation in front. */
export type PaddingWord = 'same' | 'valid' | 'causal';

/** One axis: a rule, as many zeros on both sides, or [before, after]. */
export type AxisPadding = PaddingWord | number | readonly [before: number, after: number];

/** The same for all axes, or a list with one entry an axis. */
export type Padding = PaddingWord | number | readonly AxisPadding[];

export interface DilatedConvOptions {
  /** Step between outputs, in input positions; for all axes or one an axis. Default 1. */
  readonly strides?: number | readonly number[];
  /** Step between filter taps; for all axes or one an axis. Default 1. May go with strides above 1. */
  readonly dilationRate?: number | readonly number[];
  /** Default 'valid'. */
  readonly padding?: Padding;
}

export interface GroupedConvOptions extends DilatedConvOptions {
  /** Input and output channels are split into as many groups that do not see each other. Default 1. */
  readonly groups?: number;
}

/** One spatial axis of a convolution. */
export interface Axis {
  readonly input: number;
  readonly output: number;
  readonly kernel: number;
  readonly stride: number;
  /** 1 where the kernel is 1: dilation means nothing there. */
  readonly dilation: number;
  /** Zeros before the first position. */
  readonly before: number;
  readonly after: number;
}

const axisNames = ['width', 'height, width', 'depth, height, width'];
const convOptions = ['strides', 'dilationRate', 'padding'];

/** Ranks and dtypes of an op's tensors. `spatial` is 1, 2 or 3. */
export function checkTensors(
  name: string,
  x: tf.Tensor,
  filter: tf.Tensor,
  spatial: number,
  filterChannels: string,
): void {
  const axes = axisNames[spatial - 1]!;
  checkRank([name, 'x'], x, spatial + 2, `[batch, ${axes}, channels]`);
  checkRank([name, 'filter'], filter, spatial + 2, `[${axes}, ${filterChannels}]`);
  checkDType([name, 'x'], x, ['float32']);
  checkDType([name, 'filter'], filter, ['float32']);
}

/** A number for all axes, or a list of one an axis, each a whole number >= 1. */
export function perAxis(
  name: string,
  argument: string,
  value: number | readonly number[] | undefined,
  spatial: number,
): number[] {
  const list = typeof value === 'object' ? value : new Array<number>(spatial).fill(value ?? 1);
  if (!Array.isArray(list) || list.length !== spatial) {
    throw new OptionError(
      `${name}: ${argument} must be a number or a list of ${spatial}, got ${formatValue(value)}.`,
    );
  }
  for (const entry of list) checkInteger([name, argument], entry, { min: 1 });
  return [...list];
}

/** The axes of a convolution of `inputSizes` with `kernelSizes`. */
export function planAxes(
  name: string,
  inputSizes: readonly number[],
  kernelSizes: readonly number[],
  options: DilatedConvOptions,
  moreOptions: readonly string[] = [],
): Axis[] {
  checkKnownOptions(name, options, [...convOptions, ...moreOptions]);
  const spatial = inputSizes.length;
  const strides = perAxis(name, 'strides', options.strides, spatial);
  const dilations = perAxis(name, 'dilationRate', options.dilationRate, spatial);
  const paddings = paddingPerAxis(name, options.padding ?? 'valid', spatial);
  return inputSizes.map((input, axis) => {
    const kernel = kernelSizes[axis]!;
    const stride = strides[axis]!;
    const dilation = kernel === 1 ? 1 : dilations[axis]!;
    const extent = (kernel - 1) * dilation + 1;
    const [before, after] = zerosAround(paddings[axis]!, input, extent, stride);
    if (kernel < 1 || input < 1 || extent > before + input + after) {
      throw new ShapeError(
        `${name}: filter must fit into the padded input, got ${kernel} taps at rate ${dilation}, which span ${extent}, for ${before} + ${input} + ${after} positions. Padding 'same' or 'causal' always fits.`,
      );
    }
    const output = Math.floor((before + input + after - extent) / stride) + 1;
    return { input, output, kernel, stride, dilation, before, after };
  });
}

function paddingPerAxis(name: string, padding: Padding, spatial: number): AxisPadding[] {
  const list = Array.isArray(padding)
    ? (padding as AxisPadding[])
    : new Array<AxisPadding>(spatial).fill(padding as AxisPadding);
  if (list.length !== spatial || !list.every(isAxisPadding)) {
    throw new OptionError(
      `${name}: padding must be 'same', 'valid', 'causal', an integer >= 0, or a list of ${spatial} of these or [before, after], got ${formatValue(padding)}.`,
    );
  }
  return list;
}

const isCount = (value: unknown) => Number.isSafeInteger(value) && (value as number) >= 0;

function isAxisPadding(value: AxisPadding): boolean {
  if (typeof value === 'string') return ['same', 'valid', 'causal'].includes(value);
  return Array.isArray(value) ? value.length === 2 && value.every(isCount) : isCount(value);
}

export function zerosAround(
  padding: AxisPadding,
  input: number,
  extent: number,
  stride: number,
): readonly [before: number, after: number] {
  if (padding === 'valid') return [0, 0];
  if (padding === 'causal') return [extent - 1, 0];
  if (padding === 'same') {
    const total = Math.max((Math.ceil(input / stride) - 1) * stride + extent - input, 0);
    return [Math.floor(total / 2), Math.ceil(total / 2)];
  }
  return typeof padding === 'number' ? [padding, padding] : padding;
}

/** Channels of x must be those of the filter times the groups, and the groups divide the outputs. */
export function checkChannels(name: string, x: tf.Tensor, filter: tf.Tensor, groups: number): void {
  const channels = x.shape[x.rank - 1]!;
  const [perGroup, outputs] = filter.shape.slice(-2) as [number, number];
  checkInteger([name, 'groups'], groups, { min: 1 });
  if (perGroup * groups !== channels) {
    const rule =
      groups === 1
        ? `${channels} input channels, those of x`
        : `${channels} / ${groups} input channels, those of x over groups`;
    throw new ShapeError(`${name}: filter must have ${rule}, got ${formatShape(filter.shape)}.`);
  }
  if (outputs % groups !== 0) {
    throw new OptionError(`${name}: groups must divide the ${outputs} output channels, got ${groups}.`);
  }
}
