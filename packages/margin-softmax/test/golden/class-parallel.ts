/** The group of sharded class centres: k ranks in one process, each with its samples and its classes. */
import * as tf from '@tensorflow/tfjs-core';
import { classShard, lossAndGradients, type Margin, marginLogits } from '../../src';
import { positionsOf } from '../../src/class-parallel/sampling';
import { inProcess } from '../collectives';
import { flat, type GoldenCaseDocument, type GoldenValue } from './format';

export async function partialFc(
  { config, inputs }: GoldenCaseDocument,
  margin: Margin,
): Promise<Record<string, GoldenValue>> {
  const [batch, features] = inputs.embeddings.shape;
  const numClasses = inputs.weights.shape[0];
  const [x, w] = [flat(inputs.embeddings), flat(inputs.weights)];
  const labels = Int32Array.from(flat(inputs.labels));
  const sampled = Int32Array.from(
    inputs.sampled_classes ? flat(inputs.sampled_classes) : Array.from({ length: numClasses }, (_, i) => i),
  );
  const size: number = config.shards;
  const shards = Array.from({ length: size }, (_, rank) => classShard(numClasses, rank, size));
  const rows = (data: Float64Array, start: number, count: number) =>
    tf.tensor2d(Float32Array.from(data.subarray(start * features, (start + count) * features)), [
      count,
      features,
    ]);
  const samples = Array.from({ length: size }, (_, rank) => classShard(batch, rank, size));
  const results = await Promise.all(
    inProcess(size).map(async (collective, rank) => {
      const { start, count } = shards[rank]!;
      const own = samples[rank]!;
      const [embeddings, weights] = [rows(x, own.start, own.count), rows(w, start, count)];
      const ids = labels.slice(own.start, own.start + own.count);
      const sampledClasses = inputs.sampled_classes
        ? sampled.filter((id) => id >= start && id < start + count).map((id) => id - start)
        : undefined;
      const result = await lossAndGradients(embeddings, weights, ids, margin, {
        collective,
        numClasses,
        sampledClasses,
      });
      tf.dispose([embeddings, weights]);
      return result;
    }),
  );
  const gradWeights = new Float64Array(numClasses * features);
  for (const [rank, { weights }] of results.entries()) {
    const data = await weights.rows.data();
    weights.ids.forEach((id, i) => {
      const row = shards[rank]!.start + id;
      gradWeights.set(data.subarray(i * features, (i + 1) * features), row * features);
    });
  }
  const gradEmbeddings = await Promise.all(results.map(({ embeddings }) => embeddings.data()));
  const losses = results.map((result) => result.loss);
  if (!losses.every((loss) => loss === losses[0])) throw new Error('the ranks disagree on the loss');
  for (const result of results) result.dispose();
  return {
    loss: losses[0]!,
    loss_mean: losses[0]!,
    loss_none: results.flatMap((result) => Array.from(result.losses)),
    grad_embeddings: gradEmbeddings.flatMap((part) => Array.from(part)),
    grad_weights: gradWeights,
    class_start: shards.map(({ start }) => start),
    class_count: shards.map(({ count }) => count),
    ...(await rowSums(rows(x, 0, batch), rows(w, 0, numClasses), labels, sampled, margin)),
  };
}

/** The maximum and the sum of exp of each sample's logits over the classes that take part. */
async function rowSums(
  x: tf.Tensor2D,
  w: tf.Tensor2D,
  labels: Int32Array,
  sampled: Int32Array,
  margin: Margin,
) {
  const logits = tf.tidy(() =>
    marginLogits(x, tf.gather(w, tf.tensor1d(sampled, 'int32')), positionsOf(labels, sampled), margin),
  );
  const values = (await logits.array()) as number[][];
  tf.dispose([x, w, logits]);
  const max = values.map((row) => Math.max(...row));
  return {
    row_max: max,
    row_sum_exp: values.map((row, i) => row.reduce((sum, z) => sum + Math.exp(z - max[i]!), 0)),
  };
}
