import * as tf from '@tensorflow/tfjs-core';
import { model as createModel, input, layers, loadLayersModel } from '@tensorflow/tfjs-layers';
import { describeBackends, seededNormal, valuesOf } from '@tfkit/test-kit';
import { expect, it } from 'vitest';
import { cosFace, marginLoss } from '../src';
import { marginLossLayer, meanOfOutput } from '../src/layers';

function build() {
  const x = input({ shape: [6] });
  const y = input({ shape: [1] });
  const embeddings = layers.dense({ units: 4, useBias: false }).apply(x);
  const head = marginLossLayer({
    numClasses: 3,
    margin: 'cosFace',
    marginOptions: { margin: 0.2, scale: 8 },
  });
  const losses = head.apply([embeddings, y] as never);
  return { model: createModel({ inputs: [x, y], outputs: losses as never }), head };
}

describeBackends('MarginLossLayer', () => {
  it('trains a model with labels as its second input, and saves and loads with the same output', async () => {
    const { model, head } = build();
    const ids = Array.from({ length: 30 }, (_, i) => i % 3);
    const x = tf.tensor2d(
      Float32Array.from(
        seededNormal(6, 180),
        (value, i) => value + 2 * (Math.floor(i / 6) % 3 === i % 3 ? 1 : 0),
      ),
      [30, 6],
    );
    const y = tf.tensor2d(ids, [30, 1]);
    const before = model.predict([x, y]) as tf.Tensor;
    const [kernel, weight] = model.getWeights();
    const embedded = tf.matMul(x, kernel as tf.Tensor2D) as tf.Tensor2D;
    const expected = marginLoss(embedded, weight as tf.Tensor2D, ids, cosFace({ margin: 0.2, scale: 8 }), {
      reduction: 'none',
    });
    expect(weight!.shape).toEqual([3, 4]);
    expect(await before.data()).toBeAllclose(await expected.data(), { rtol: 1e-4, atol: 1e-5 });
    model.compile({ optimizer: 'adam', loss: meanOfOutput });
    const history = await model.fit([x, y], tf.zeros([30, 1]), { epochs: 12, batchSize: 30, verbose: 0 });
    const losses = history.history.loss as number[];
    expect(losses.at(-1)!).toBeLessThan(losses[0]!);
    let saved: tf.io.ModelArtifacts | undefined;
    await model.save({
      save: async (artifacts) => {
        saved = artifacts;
        return { modelArtifactsInfo: { dateSaved: new Date(), modelTopologyType: 'JSON' } };
      },
    });
    const again = await loadLayersModel({ load: async () => saved! });
    const [a, b] = [model.predict([x, y]) as tf.Tensor, again.predict([x, y]) as tf.Tensor];
    expect(await valuesOf(b)).toBeAllclose(await valuesOf(a), { rtol: 1e-6 });
    expect(head.getConfig()).toMatchObject({ numClasses: 3, margin: 'cosFace' });
    tf.dispose([x, y, before, embedded, expected, a, b]);
    model.dispose();
    again.dispose();
  });

  it('refuses an unknown method and inputs without labels', () => {
    expect(() => marginLossLayer({ numClasses: 3, margin: 'triplet' as never })).toThrow(
      /margin must be one of/,
    );
    expect(() => marginLossLayer({ numClasses: 3 }).apply(input({ shape: [4] }))).toThrow(
      /\[embeddings, labels\]/,
    );
  });
});
