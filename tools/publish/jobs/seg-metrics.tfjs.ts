/** Logits in a tensor of the current backend are counted there. */
import * as tf from '@tensorflow/tfjs-core';
import { ConfusionMatrix, meanIou } from '@tfkit/seg-metrics';
import { updateFromTensors } from '@tfkit/seg-metrics/tfjs';

export async function job(): Promise<string> {
  const matrix = new ConfusionMatrix({ numClasses: 2 });
  const logits = tf.tensor3d([0.1, 0.9, 0.8, 0.2], [1, 2, 2]);
  const targets = tf.tensor2d([1, 1], [1, 2], 'int32');
  await updateFromTensors(matrix, logits, targets);
  tf.dispose([logits, targets]);
  const { value } = meanIou(matrix);
  if (Math.abs(value - 0.25) > 1e-12) throw new Error(`seg-metrics: mIoU ${value}, expected 0.25`);
  return `mIoU ${value}`;
}
