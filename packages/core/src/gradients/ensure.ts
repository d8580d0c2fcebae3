import * as tf from '@tensorflow/tfjs-core';

/** Registers tfjs' gradients where they are missing, and corrects those that are wrong. Idempotent. */
export async function ensureGradients(): Promise<void> {
  if (!tf.getGradient('Add')) await import('@tfkit/core/gradients/table');
}
