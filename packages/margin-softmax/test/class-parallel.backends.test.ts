import * as tf from '@tensorflow/tfjs-core';
import { foldIn, key } from '@tfkit/core';
import { describeBackends, expectNoLeak, seededNormal, valuesOf } from '@tfkit/test-kit';
import { describe, expect, it } from 'vitest';
import {
  arcFace,
  classShard,
  cosFace,
  createState,
  lossAndGradients,
  marginLoss,
  SparseSgd,
  sampleClasses,
  subCenter,
} from '../src';
import { inProcess } from './collectives';
import { methods } from './methods';

const [batch, numClasses, features] = [7, 11, 4];
const labels = [10, 0, 3, 3, 7, 5, 10];
const x = Float32Array.from(seededNormal(21, batch * features));
const w = Float32Array.from(seededNormal(22, numClasses * features));
const rowsOf = (data: Float32Array, start: number, count: number) =>
  tf.tensor2d(data.slice(start * features, (start + count) * features), [count, features]);

const parallel = Object.entries(methods).filter(([, { margin }]) => margin.subCenters === 1);

describeBackends('lossAndGradients', () => {
  it.each(parallel)(
    '%s: 3 ranks give what one process gives, loss, gradients and state',
    async (_, method) => {
      const { margin } = method;
      const draws = margin.drawMargins ? key(5) : undefined;
      const start = () => {
        const state = createState(margin);
        for (const [name, value] of Object.entries(method.state ?? {})) {
          tf.tidy(() => state[name]!.assign(tf.scalar(value)));
        }
        return state;
      };
      const bias = margin.loss === 'binary' ? tf.scalar(0.3) : undefined;
      const labelSmoothing = margin.loss === 'binary' ? 0 : 0.1;
      const state = start();
      const [allX, allW] = [rowsOf(x, 0, batch), rowsOf(w, 0, numClasses)];
      const inputs = [allX, allW, ...(bias ? [bias] : [])] as tf.Tensor[];
      const whole = tf.valueAndGrads((...given: tf.Tensor[]) => {
        const options = { state, key: draws, bias: given[2], labelSmoothing };
        return marginLoss(given[0] as tf.Tensor2D, given[1] as tf.Tensor2D, labels, margin, options);
      })(inputs);
      const [gradX, gradW] = [await whole.grads[0]!.data(), await whole.grads[1]!.data()];
      await expectNoLeak(async () => {
        const states = [0, 1, 2].map(start);
        const results = await Promise.all(
          inProcess(3).map(async (collective, rank) => {
            const [own, shard] = [classShard(batch, rank, 3), classShard(numClasses, rank, 3)];
            const [embeddings, weights] = [
              rowsOf(x, own.start, own.count),
              rowsOf(w, shard.start, shard.count),
            ];
            const ids = labels.slice(own.start, own.start + own.count);
            const result = await lossAndGradients(embeddings, weights, ids, margin, {
              collective,
              numClasses,
              labelSmoothing,
              key: draws,
              bias,
              state: states[rank],
              chunk: 2,
            });
            tf.dispose([embeddings, weights]);
            return result;
          }),
        );
        for (const [rank, result] of results.entries()) {
          const [own, shard] = [classShard(batch, rank, 3), classShard(numClasses, rank, 3)];
          expect(result.loss).toBeAllclose((await whole.value.data())[0]!, { rtol: 2e-5 });
          const cut = (data: ArrayLike<number>, from: { start: number; count: number }) =>
            Float32Array.from(data).slice(from.start * features, (from.start + from.count) * features);
          expect(await result.embeddings.data()).toBeAllclose(cut(gradX, own), { rtol: 1e-3, atol: 2e-5 });
          expect(await result.weights.rows.data()).toBeAllclose(cut(gradW, shard), {
            rtol: 1e-3,
            atol: 2e-5,
          });
          if (bias)
            expect(await valuesOf(result.bias!)).toBeAllclose(await valuesOf(whole.grads[2]!), {
              rtol: 1e-3,
            });
          for (const [name, variable] of Object.entries(states[rank]!)) {
            expect(await valuesOf(variable)).toBeAllclose(await valuesOf(state[name]!), { rtol: 1e-5 });
          }
          result.dispose();
        }
        tf.dispose(states);
      });
      tf.dispose([state, allX, allW, whole.value, whole.grads, ...(bias ? [bias] : [])]);
    },
  );

  it('trains the sampled rows only, and leaves the others as they are', async () => {
    const weights = tf.variable(rowsOf(w, 0, numClasses));
    const embeddings = rowsOf(x, 0, batch);
    const sampledClasses = sampleClasses(labels, { start: 0, count: numClasses }, 0.6, key(1));
    const sgd = new SparseSgd({ learningRate: 0.5 });
    const before = await valuesOf(weights);
    const losses: number[] = [];
    for (let step = 0; step < 5; step++) {
      const result = await lossAndGradients(
        embeddings,
        weights as unknown as tf.Tensor2D,
        labels,
        cosFace({ scale: 8 }),
        {
          sampledClasses,
        },
      );
      losses.push(result.loss);
      sgd.apply(weights, result.weights);
      result.dispose();
    }
    expect(losses[4]!).toBeLessThan(losses[0]!);
    const after = await weights.data();
    for (let id = 0; id < numClasses; id++) {
      const moved = [0, 1, 2, 3].some((j) => after[id * features + j] !== before.data[id * features + j]);
      expect(moved, `class ${id}`).toBe(sampledClasses.includes(id));
    }
    sgd.dispose();
    tf.dispose([weights, embeddings]);
  });

  it('refuses bad input before any rank waits', async () => {
    const [embeddings, weights] = [rowsOf(x, 0, batch), rowsOf(w, 0, numClasses)];
    const call = (options: object, ids: number[] = labels, margin = arcFace()) =>
      expectNoLeak(() => lossAndGradients(embeddings, weights, ids, margin, options));
    await expect(call({}, [11, 0, 3, 3, 7, 5, 10])).rejects.toThrow(
      /labels\[0\] must be a class id in \[0, 11\), got 11/,
    );
    await expect(call({ sampledClasses: Int32Array.of(0, 3, 3) })).rejects.toThrow(
      /distinct ids.*got 3 at 2 after 3/,
    );
    await expect(call({ sampledClasses: Int32Array.of(0, 3, 5, 7) })).rejects.toThrow(/none for class 10/);
    await expect(call({ numClasses: 12 })).rejects.toThrow(/Rank 0 holds 12 classes/);
    await expect(call({}, labels, subCenter(arcFace()))).rejects.toThrow(/one centre a class/);
    await expect(call({}, [1])).rejects.toThrow(/one entry per embedding \(7\), got 1/);
    tf.dispose([embeddings, weights]);
  });
});

describe('classShard and sampleClasses', () => {
  it('divide the classes as insightface does', () => {
    const shards = [0, 1, 2, 3].map((rank) => classShard(18, rank, 4));
    expect(shards).toEqual([
      { start: 0, count: 5 },
      { start: 5, count: 5 },
      { start: 10, count: 4 },
      { start: 14, count: 4 },
    ]);
    expect(() => classShard(3, 0, 4)).toThrow(/numClasses must be an integer >= 4, got 3/);
  });

  it('keep every positive and fill up with distinct others, evenly over steps', () => {
    const shard = { start: 100, count: 50 };
    const counts = new Array<number>(50).fill(0);
    for (let step = 0; step < 400; step++) {
      const chosen = sampleClasses([100, 149, 120, 99, 150, 120], shard, 0.3, foldIn(key(3), step));
      expect(chosen.length).toBe(15);
      expect(new Set(chosen).size).toBe(15);
      expect([...chosen].sort((a, b) => a - b)).toEqual([...chosen]);
      for (const id of [0, 49, 20]) expect(chosen).toContain(id);
      for (const id of chosen) counts[id]!++;
    }
    const others = counts.filter((_, id) => ![0, 49, 20].includes(id));
    // 12 of 47 others a step: 102 of 400, with a deviation of 9.
    for (const count of others) expect(Math.abs(count - (400 * 12) / 47)).toBeLessThan(45);
    expect(Array.from(sampleClasses([100, 101, 102], shard, 0.02, key(1)))).toEqual([0, 1, 2]);
  });
});
