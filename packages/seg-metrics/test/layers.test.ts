import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import * as layers from '@tensorflow/tfjs-layers';
import { expect, it } from 'vitest';
import { ConfusionMatrix, meanIou, updateLogits } from '../src/index';
import { segmentationMetric } from '../src/tfjs';

it('model.fit logs the mIoU of the epoch, not the mean of its batches', async () => {
  await tf.setBackend('cpu');
  const x = tf.randomNormal([12, 4, 3], 0, 1, 'float32', 7);
  const ids = tf.randomUniform([12, 4], 0, 3, 'int32', 9);
  const y = tf.oneHot(ids, 3);
  const model = layers.sequential({
    layers: [layers.layers.dense({ units: 3, activation: 'softmax', inputShape: [4, 3] })],
  });
  const miou = segmentationMetric({ numClasses: 3 });
  // A learning rate of 0 keeps the model, so that the epoch has one right answer.
  const optimizer = tf.train.sgd(0);
  model.compile({ optimizer, loss: 'categoricalCrossentropy', metrics: [miou.metric] });
  const { history } = await model.fit(x, y, {
    ...{ epochs: 2, batchSize: 5, shuffle: false, verbose: 0 },
    validationData: [x, y],
    callbacks: miou.callback as unknown as layers.CustomCallbackArgs,
  });
  const scores = (model.predict(x) as tf.Tensor).dataSync();
  const matrix = updateLogits(new ConfusionMatrix({ numClasses: 3 }), scores, ids.dataSync());
  const { training, validation } = await miou.counts();
  expect([...training.counts]).toEqual([...matrix.counts]);
  expect([...validation.counts]).toEqual([...matrix.counts]);
  for (const key of ['meanIou', 'val_meanIou']) {
    expect(history[key], key).toHaveLength(2);
    for (const value of history[key]!) expect(value).toBeCloseTo(meanIou(matrix).value, 6);
  }
});
