/** Layers of two inputs, a map [batch, height, width, channels] and as many boxes for each image [batch, boxes, 4]. */
import * as tf from '@tensorflow/tfjs-core';
import { binsOf, type PyramidLevel, sppLength } from '../bins';
import { type RoiAlignOptions, roiAlign } from '../roiAlign';
import { type RoiPoolOptions, roiPool } from '../roiPool';
import { type SppWindowOptions, sppWindow } from '../sppWindow';
import { type LayerArgs, OptionsLayer, type Shape } from './layer';

/** Boxes [batch, boxes, 4] as rows (image, corners). */
function rowsOf(boxes: tf.Tensor): tf.Tensor2D {
  const [batch, count] = boxes.shape as [number, number, number];
  const ids = tf.tile(tf.reshape(tf.range(0, batch), [batch, 1, 1]), [1, count, 1]);
  return tf.reshape(tf.concat([ids, tf.cast(boxes, 'float32')], 2), [batch * count, 5]);
}

/** Results of all boxes, image by image. */
const byImage = (pooled: tf.Tensor, boxes: tf.Tensor): tf.Tensor =>
  tf.reshape(pooled, [boxes.shape[0]!, boxes.shape[1]!, ...pooled.shape.slice(1)]);

const gridShape = (name: string, [map, boxes]: Shape[], outputSize: PyramidLevel): Shape => {
  const [, rows, columns] = binsOf(name, 'outputSize', outputSize, 2);
  return [map![0]!, boxes![1]!, rows, columns, map![3]!];
};

/** `roiPool` [batch, boxes, rows, columns, channels]. */
export class RoiPool extends OptionsLayer<RoiPoolOptions> {
  static readonly className = 'SppRoiPool';

  constructor(args: RoiPoolOptions & LayerArgs) {
    super(args, ['outputSize', 'spatialScale', 'boxFormat']);
  }

  pool([map, boxes]: tf.Tensor[]) {
    return byImage(roiPool(map as tf.Tensor4D, rowsOf(boxes!), this.options), boxes!);
  }

  override computeOutputShape(inputShape: Shape | Shape[]): Shape {
    return gridShape(this.getClassName(), inputShape as Shape[], this.options.outputSize);
  }
}

/** `roiAlign` [batch, boxes, rows, columns, channels]. */
export class RoiAlign extends OptionsLayer<RoiAlignOptions> {
  static readonly className = 'SppRoiAlign';

  constructor(args: RoiAlignOptions & LayerArgs) {
    super(args, ['outputSize', 'spatialScale', 'samplingRatio', 'aligned', 'boxFormat']);
  }

  pool([map, boxes]: tf.Tensor[]) {
    return byImage(roiAlign(map as tf.Tensor4D, rowsOf(boxes!), this.options), boxes!);
  }

  override computeOutputShape(inputShape: Shape | Shape[]): Shape {
    return gridShape(this.getClassName(), inputShape as Shape[], this.options.outputSize);
  }
}

/** `sppWindow` [batch, boxes, length]. */
export class SpatialPyramidWindows extends OptionsLayer<SppWindowOptions> {
  static readonly className = 'SppSpatialPyramidWindows';

  constructor(args: SppWindowOptions & LayerArgs) {
    super(args, ['levels', 'mode', 'order', 'stride', 'units', 'boxFormat']);
  }

  pool([map, boxes]: tf.Tensor[]) {
    return byImage(sppWindow(map!, rowsOf(boxes!), this.options), boxes!);
  }

  override computeOutputShape(inputShape: Shape | Shape[]): Shape {
    const [map, boxes] = inputShape as Shape[];
    return [map![0]!, boxes![1]!, sppLength(map![3]!, this.options.levels ?? [1, 2, 4])];
  }
}
