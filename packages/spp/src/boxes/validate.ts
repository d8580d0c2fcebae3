import type * as tf from '@tensorflow/tfjs-core';
import { checkInteger, checkOneOf } from '@tfkit/core';
import { type CornerFormat, resolveBoxes } from './resolve';

/**
 * Nothing, once the values of a tensor of boxes were read and are finite, in images that there are. Boxes given as arrays
 * of numbers are checked whenever they are used; those in a tensor, which stays on its device, only here. What an unchecked
 * bad value gives: a box whose image does not exist gives zeros, a NaN an unspecified part of its own image or zeros.
 *
 * @param boxes float32 or int32 [boxes, 5]: (image, corners).
 * @param options.images number of images in the map.
 * @param options.boxFormat the order of the corners. Default 'xyxy'.
 * @throws ValueError naming the first bad box; ShapeError if the shape is another.
 */
export async function validateBoxes(
  boxes: tf.Tensor,
  { images, boxFormat = 'xyxy' }: { readonly images: number; readonly boxFormat?: CornerFormat },
): Promise<void> {
  checkInteger(['validateBoxes', 'images'], images, { min: 1 });
  checkOneOf(['validateBoxes', 'boxFormat'], boxFormat, ['xyxy', 'yxyx']);
  const values = Array.from(await boxes.data());
  const columns = boxes.shape[1] ?? 0;
  const rows = Array.from({ length: boxes.shape[0] ?? 0 }, (_, i) =>
    values.slice(i * columns, (i + 1) * columns),
  );
  const dims = Math.max(1, Math.floor(columns / 2));
  resolveBoxes('validateBoxes', rows, boxFormat, dims, images);
}
