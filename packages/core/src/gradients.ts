/** Gradients that are there, and right, whatever was imported. */
import * as tf from '@tensorflow/tfjs-core';
import { corrections } from './gradients/corrections';
import { applyPatch, replaceGradients } from './patches';

/**
 * Registers tfjs' gradients when they are missing (`@tensorflow/tfjs-core` alone has none in Node) and corrects those
 * that are wrong: `cumsum` along any axis, `conv1d`, `conv2d`, `depthwiseConv2d` and `separableConv2d` with dilation.
 * Idempotent; independent of the backend and of when it was imported.
 */
export async function ensureGradients(): Promise<void> {
  if (!tf.getGradient('Add')) await import('@tfkit/core/gradients/table');
  correctGradients();
}

/** The corrections alone, once tfjs' own gradients are there. */
export function correctGradients(): void {
  applyPatch('gradients', () => replaceGradients(corrections));
}
