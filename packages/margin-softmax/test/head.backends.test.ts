import * as tf from '@tensorflow/tfjs-core';
import { describeBackends, expectNoLeak, seededNormal, valuesOf } from '@tfkit/test-kit';
import { expect, it } from 'vitest';
import {
  arcFace,
  cosFace,
  loadClassCenters,
  MarginHead,
  type MarginHeadOptions,
  magFace,
  marginLoss,
  saveClassCenters,
  subCenter,
} from '../src';

const [batch, features] = [6, 8];
const labels = [0, 299, 150, 150, 7, 151];
const data = (seed: number, rows: number) =>
  tf.tensor2d(Float32Array.from(seededNormal(seed, rows * features)), [rows, features]);

describeBackends('MarginHead', () => {
  it.each([
    ['arcFace', arcFace({ scale: 10 }), 0],
    ['magFace', magFace({ norms: [1, 4], penalty: 3, scale: 10 }), 0.1],
    ['subCenter', subCenter(cosFace({ scale: 10 }), 2), 0],
  ] as const)(
    '%s: two steps in blocks are two steps of SGD on marginLoss',
    async (_, margin, labelSmoothing) => {
      const rows = 300 * margin.subCenters;
      // 20,000 samples expected: blocks of a few classes.
      const head = new MarginHead({
        numClasses: 300,
        features,
        margin,
        learningRate: 0.3,
        labelSmoothing,
        batch: 20_000,
      });
      const start = data(1, rows);
      head.assign(start);
      const weights = tf.variable(tf.clone(start));
      const velocity = tf.variable(tf.zeros([rows, features]));
      for (let step = 0; step < 2; step++) {
        const x = data(10 + step, batch);
        const { value, grads } = tf.valueAndGrads((e: tf.Tensor, w: tf.Tensor) =>
          marginLoss(e as tf.Tensor2D, w as tf.Tensor2D, labels, margin, { labelSmoothing }),
        )([x, weights]);
        const made = await expectNoLeak(() => head.step(x, labels), 2);
        expect(await valuesOf(made.loss)).toBeAllclose(await valuesOf(value), { rtol: 1e-5 });
        expect(await valuesOf(made.embeddings)).toBeAllclose(await valuesOf(grads[0]!), {
          rtol: 1e-3,
          atol: 1e-5,
        });
        tf.tidy(() => {
          const decayed = tf.add(grads[1]!, tf.mul(weights, 5e-4));
          velocity.assign(tf.add(tf.mul(velocity, 0.9), decayed));
          weights.assign(tf.sub(weights, tf.mul(velocity, 0.3)));
        });
        const centres = head.toTensor();
        expect(await valuesOf(centres)).toBeAllclose(await valuesOf(weights), { rtol: 1e-4, atol: 1e-5 });
        tf.dispose([x, value, grads, made.loss, made.embeddings, centres]);
      }
      head.dispose();
      tf.dispose([start, weights, velocity]);
    },
  );

  it('trains a backbone and its centres in one pass of an optimizer, without leaking', async () => {
    const head = new MarginHead({ numClasses: 4, features: 3, margin: cosFace({ scale: 8 }) });
    const x = data(3, 24);
    const ids = Array.from({ length: 24 }, (_, i) => i % 4);
    const kernel = tf.variable(tf.mul(tf.slice(data(4, features), [0, 0], [features, 3]), 0.3));
    const optimizer = tf.train.sgd(0.2);
    const losses: number[] = [];
    for (let step = 0; step < 30; step++) {
      const once = () =>
        optimizer.minimize(() => head.loss(tf.matMul(x, kernel as unknown as tf.Tensor2D), ids), true);
      const loss = step === 0 ? once() : await expectNoLeak(once, 1);
      losses.push((await loss!.data())[0]!);
      loss!.dispose();
    }
    expect(losses[29]!).toBeLessThan(0.9 * losses[0]!);
    head.dispose();
    optimizer.dispose();
    tf.dispose([x, kernel]);
  });

  it('refuses labels, shapes and options out of range', () => {
    expect(() => new MarginHead({ numClasses: 4, features: 3, margin: arcFace(), momentum: 1 })).toThrow(
      /MarginHead: momentum must be a number in \[0, 1\), got 1/,
    );
    expect(() => new MarginHead({ numClasses: 4, features: 3, margin: arcFace(), ignoreLabel: 0.5 })).toThrow(
      /MarginHead: ignoreLabel must be an integer, got 0.5/,
    );
    expect(() => new MarginHead({ numClasses: 4, features: 3 } as MarginHeadOptions)).toThrow(
      /MarginHead: margin must be what a method returns, got undefined/,
    );
    const head = new MarginHead({ numClasses: 4, features: 8, margin: arcFace() });
    const x = data(3, 2);
    expect(() => head.step(x, [0, 4])).toThrow(
      /^MarginHead.step: labels\[1\] must be a class id in \[0, 4\), got 4/,
    );
    expect(() => head.step(tf.zeros([0, 8]), [])).toThrow(/at least one sample/);
    head.dispose();
    x.dispose();
  });

  it("saves centres in insightface's layout and reads them back", async () => {
    const weights = data(5, 9);
    const bytes = await saveClassCenters(weights);
    const header = new TextDecoder().decode(
      bytes.subarray(8, 8 + Number(new DataView(bytes.buffer).getBigUint64(0, true))),
    );
    expect(JSON.parse(header).weight).toMatchObject({ dtype: 'F32', shape: [9, features] });
    const loaded = loadClassCenters(bytes);
    expect(await valuesOf(loaded)).toEqual(await valuesOf(weights));
    expect(() => loadClassCenters(bytes.subarray(0, 20))).toThrow(/decodeSafetensors: header must end/);
    tf.dispose([weights, loaded]);
  });
});
