/** Which level of a feature pyramid a box is pooled from. */
import * as tf from '@tensorflow/tfjs-core';
import { checkInteger, checkNumber, formatValue, OptionError } from '@tfkit/core';
import { type CornerFormat, type HostBoxes, isHost, resolveBoxes, type TensorBoxes } from './boxes/resolve';

export interface FpnOptions {
  /** Cells a pixel of each level, descending powers of 2. */
  readonly spatialScales: readonly number[];
  /** Side in pixels of the box that belongs to the canonical level, > 0. Default 224. */
  readonly canonicalScale?: number;
  /** Level of that box; a level is -log2 of its scale. Default 4. */
  readonly canonicalLevel?: number;
  /** Default 'xyxy'. */
  readonly boxFormat?: CornerFormat;
}

/**
 * The index into `spatialScales` of the level for each box: floor(canonicalLevel + log2(sqrt(area) / canonicalScale) +
 * 1e-6), cut to the levels there are. A box without area belongs to the finest.
 *
 * @param boxes arrays of numbers, rows (image, x1, y1, x2, y2) or corners alone.
 * @throws OptionError, ShapeError; ValueError for a NaN.
 *
 * @example
 * fpnLevels([[0, 0, 224, 224], [0, 0, 56, 56]], { spatialScales: [1 / 4, 1 / 8, 1 / 16, 1 / 32] }); // [2, 0]
 *
 * Source: Lin et al., Feature Pyramid Networks (arXiv:1612.03144), eq. 1, with the 1e-6 of torchvision.
 */
export function fpnLevels(boxes: readonly (readonly number[])[], options: FpnOptions): number[] {
  const rows = boxes.map((box) => (box.length === 4 ? [0, ...box] : box));
  const format = options.boxFormat ?? 'xyxy';
  const resolved = resolveBoxes('fpnLevels', rows, format, 2, Number.MAX_SAFE_INTEGER) as HostBoxes;
  return hostLevels(resolved, rangeOf('fpnLevels', options));
}

interface LevelRange {
  readonly lowest: number;
  readonly count: number;
  readonly canonicalScale: number;
  readonly canonicalLevel: number;
}

function rangeOf(
  functionName: string,
  { spatialScales, canonicalScale = 224, canonicalLevel = 4 }: FpnOptions,
): LevelRange {
  checkNumber([functionName, 'canonicalScale'], canonicalScale, { min: 0, open: 'min' });
  checkInteger([functionName, 'canonicalLevel'], canonicalLevel);
  const levels = spatialScales.map((scale) => -Math.log2(scale));
  const descend = levels.every((level, i) => Number.isInteger(level) && level === levels[0]! + i);
  if (levels.length === 0 || !descend) {
    throw new OptionError(
      `${functionName}: spatialScales must be descending powers of 2, each half of the one before, got ${formatValue(spatialScales)}.`,
    );
  }
  return { lowest: levels[0]!, count: levels.length, canonicalScale, canonicalLevel };
}

function hostLevels({ low, high }: HostBoxes, range: LevelRange): number[] {
  const { lowest, count, canonicalScale, canonicalLevel } = range;
  return Array.from(low[0]!, (top, box) => {
    const area = Math.max(0, high[0]![box]! - top) * Math.max(0, high[1]![box]! - low[1]![box]!);
    const level = Math.floor(canonicalLevel + Math.log2(Math.sqrt(area) / canonicalScale) + 1e-6);
    return Math.max(0, Math.min(count - 1, level - lowest));
  });
}

/** For each level float32 [boxes]: 1 for the boxes that belong to it, else 0. */
export function assignLevels(
  functionName: string,
  boxes: HostBoxes | TensorBoxes,
  options: FpnOptions,
): tf.Tensor[] {
  const range = rangeOf(functionName, options);
  const { lowest, count, canonicalScale, canonicalLevel } = range;
  if (isHost(boxes)) {
    const levels = hostLevels(boxes, range);
    return Array.from({ length: count }, (_, level) =>
      tf.tensor1d(Float32Array.from(levels, (own) => (own === level ? 1 : 0))),
    );
  }
  const sides = boxes.high.map((high, axis) => tf.relu(tf.sub(high, boxes.low[axis]!)));
  const side = tf.sqrt(tf.mul(sides[0]!, sides[1]!));
  // Against the least side of each level rather than through a logarithm, which differs between devices.
  const threshold = (level: number) => canonicalScale * 2 ** (level + lowest - canonicalLevel) * 2 ** -1e-6;
  const atLeast = (level: number) => tf.cast(tf.greaterEqual(side, threshold(level)), 'float32');
  return Array.from({ length: count }, (_, level) => {
    const reached = level === 0 ? tf.onesLike(side) : atLeast(level);
    return level === count - 1 ? reached : tf.sub(reached, tf.mul(reached, atLeast(level + 1)));
  });
}
