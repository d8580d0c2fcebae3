/** Class centres as files, in insightface's layout. */
import * as tf from '@tensorflow/tfjs-core';
import { checkRank, FormatError } from '@tfkit/core';
import { loadSafetensors, saveSafetensors } from '@tfkit/core/tfjs';

/**
 * The bytes of a safetensors file with the class centres as insightface's heads name and lay them out: one tensor
 * `weight`, F32 [numClasses, features], rows not normalised. In Python: `head.load_state_dict(load_file(path))`.
 *
 * @throws ShapeError if `weights` is no matrix.
 */
export async function saveClassCenters(weights: tf.Tensor2D): Promise<Uint8Array<ArrayBuffer>> {
  checkRank(['saveClassCenters', 'weights'], weights, 2, '[numClasses, features]');
  return saveSafetensors({ weight: weights });
}

/**
 * Class centres from a safetensors file that holds one matrix, or one named `weight` among others. The caller disposes it.
 *
 * @returns float32 [numClasses, features].
 * @throws FormatError if the bytes are no such file.
 */
export function loadClassCenters(bytes: Uint8Array): tf.Tensor2D {
  const tensors = loadSafetensors(bytes);
  const names = Object.keys(tensors);
  const name = names.length === 1 ? names[0]! : 'weight';
  const found = tensors[name];
  if (found?.rank === 2) {
    const centres = tf.cast(found, 'float32') as tf.Tensor2D;
    tf.dispose(tensors);
    return centres;
  }
  const got = names.map((key) => `${key} [${tensors[key]!.shape.join(', ')}]`).join(', ') || 'no tensors';
  tf.dispose(tensors);
  throw new FormatError(`loadClassCenters: bytes must hold one matrix, or one named 'weight', got ${got}.`);
}
