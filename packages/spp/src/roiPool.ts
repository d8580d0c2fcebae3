/** RoI max pooling of Fast R-CNN. */
import * as tf from '@tensorflow/tfjs-core';
import { checkKnownOptions, checkNumber } from '@tfkit/core';
import { binsOf } from './bins';
import {
  type Boxes,
  type CornerFormat,
  type HostBoxes,
  isHost,
  resolveBoxes,
  type TensorBoxes,
} from './boxes/resolve';
import type { HostRegions, TensorRegions } from './edges';
import { mapInfo, maxOfRegions } from './maps';

export interface RoiPoolOptions {
  /** Bins along both axes, or [rows, columns]. */
  readonly outputSize: number | readonly [rows: number, columns: number];
  /** Cells of the map a pixel of the image, > 0: 1 / stride. Default 1. */
  readonly spatialScale?: number;
  /** Default 'xyxy'. */
  readonly boxFormat?: CornerFormat;
}

/**
 * Maxima float32 [boxes, rows, columns, channels] over the bins of each box, its corners rounded to cells half away from
 * zero, both inside: the size is max(end - start + 1, 1). Bins are cut to the map; an empty one gives 0 without gradient.
 *
 * @param x float32 or int32 [batch, height, width, channels].
 * @param boxes rows (image, x1, y1, x2, y2) in pixels, as arrays or float32 [boxes, 5]; they have no gradient.
 * @throws ShapeError, OptionError; ValueError for a NaN or a missing image in boxes given as arrays (see `validateBoxes`).
 *
 * Source: Girshick, Fast R-CNN, ICCV 2015 (arXiv:1504.08083), section 2.1; torchvision.ops.roi_pool, whose bins end on a
 * float32 product: these are the integer edges floor(i size / n) and ceil((i + 1) size / n).
 */
export function roiPool(x: tf.Tensor4D, boxes: Boxes, options: RoiPoolOptions): tf.Tensor4D {
  checkKnownOptions('roiPool', options, ['outputSize', 'spatialScale', 'boxFormat']);
  const { outputSize, spatialScale = 1, boxFormat = 'xyxy' } = options;
  checkNumber(['roiPool', 'spatialScale'], spatialScale, { min: 0, open: 'min' });
  const info = mapInfo('roiPool', x, [4]);
  const level = binsOf('roiPool', 'outputSize', outputSize, 2);
  return tf.tidy(() => {
    const resolved = resolveBoxes('roiPool', boxes, boxFormat, 2, info.images);
    const [pooled] = maxOfRegions(x, info, [level], roundedRegions(resolved, spatialScale));
    return tf.reshape(pooled, [resolved.count, level[1], level[2], info.channels]) as tf.Tensor4D;
  });
}

function roundedRegions(boxes: HostBoxes | TensorBoxes, scale: number): HostRegions | TensorRegions {
  const { count } = boxes;
  if (isHost(boxes)) {
    const start = boxes.low.map((low) => low.map((v) => roundAway(v * scale)));
    const end = boxes.high.map((high, i) =>
      high.map((v, r) => Math.max(roundAway(v * scale) + 1, start[i]![r]! + 1)),
    );
    const depth = [new Int32Array(count), new Int32Array(count).fill(1)] as const;
    return { count, image: boxes.image, start: [depth[0], ...start], end: [depth[1], ...end] };
  }
  const round = (values: tf.Tensor) => {
    const scaled = tf.mul(values, scale);
    return tf.cast(tf.mul(tf.sign(scaled), tf.floor(tf.add(tf.abs(scaled), 0.5))), 'int32');
  };
  const one = tf.scalar(1, 'int32');
  const start = boxes.low.map(round);
  const end = boxes.high.map((high, i) => tf.add(tf.maximum(round(high), start[i]!), one));
  return {
    count,
    image: tf.cast(boxes.image, 'int32'),
    start: [tf.zeros([count], 'int32'), ...start],
    end: [tf.ones([count], 'int32'), ...end],
  };
}

/** C's round: halves away from zero, where Math.round goes up. */
const roundAway = (value: number) => Math.sign(value) * Math.floor(Math.abs(value) + 0.5);
