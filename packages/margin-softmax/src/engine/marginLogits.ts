import * as tf from '@tensorflow/tfjs-core';
import type { Margin } from '../margins/margin';
import { assemble } from './assemble';
import { rowsOfTensor } from './classRows';
import { detached } from './detached';
import { othersInputs, targetInputs } from './fused';
import { type Labels, labelTensor } from './labels';
import { targetLogits } from './lossOf';
import { checkInputs, type MarginLossOptions } from './marginLoss';
import { othersLogits } from './others';
import { forwardTarget } from './target';

/**
 * The adjusted logits that `marginLoss` takes the cross-entropy of, all at once: for looking at, or for counting how many
 * samples are right in spite of the margin. Needs batch x classes of memory, and is a constant to the gradient: train
 * with `marginLoss`. Updates the state of a method that has one, as the loss would.
 *
 * @param embeddings float32 [batch, features].
 * @param weights float32 [numClasses, features].
 * @param labels class ids in [0, numClasses): int32 tensor [batch], or numbers.
 * @returns float32 [batch, numClasses]. The caller disposes it.
 * @throws as `marginLoss`.
 */
export function marginLogits(
  embeddings: tf.Tensor2D,
  weights: tf.Tensor2D,
  labels: Labels,
  margin: Margin,
  options: MarginLossOptions = {},
): tf.Tensor2D {
  const name = 'marginLogits';
  checkInputs(name, embeddings, weights, margin, options);
  return tf.tidy(() =>
    detached(() => {
      const [batch] = embeddings.shape;
      const numClasses = weights.shape[0] / margin.subCenters;
      const ids = labelTensor(name, labels, batch, numClasses, options.ignoreLabel);
      const classes = rowsOfTensor(weights);
      const { inputs, plan, norms } = assemble(name, embeddings, classes, ids, margin, options);
      const others = othersLogits(othersInputs(inputs, classes), plan);
      const cosines = forwardTarget(targetInputs(inputs, classes), margin);
      const own = targetLogits(margin, cosines, inputs.scale, norms, inputs.bias, inputs.targetRows);
      const isOwn = tf.equal(tf.reshape(ids, [batch, 1]), tf.range(0, numClasses, 1, 'int32'));
      return tf.where(
        isOwn,
        tf.broadcastTo(tf.reshape(own, [batch, 1]), others.shape),
        others,
      ) as tf.Tensor2D;
    }),
  );
}
