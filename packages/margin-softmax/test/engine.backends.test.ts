import * as tf from '@tensorflow/tfjs-core';
import {
  describeBackends,
  expectGradient,
  expectNoLeak,
  seededNormal,
  seededTensor,
  valuesOf,
} from '@tfkit/test-kit';
import { describe, expect, it } from 'vitest';
import {
  arcFace,
  aSoftmax,
  cosFace,
  createState,
  interClassFilter,
  type Margin,
  type MarginLossOptions,
  magFace,
  marginLogits,
  marginLoss,
  normFace,
  softmax,
  sphereFace2,
  subCenter,
} from '../src';
import { batch, crossEntropy, features, labels, type Method, methods, numClasses } from './methods';

/** Options with a fresh state, so that every call sees the same. */
function optionsOf({ margin, margins, state }: Method): { options: MarginLossOptions; free: () => void } {
  const running = createState(margin);
  for (const [name, value] of Object.entries(state ?? {})) {
    tf.tidy(() => running[name]!.assign(tf.scalar(value)));
  }
  const perSample = margins && tf.tensor1d([...margins]);
  return {
    options: { state: running, margins: perSample },
    free: () => tf.dispose([running, ...(perSample ? [perSample] : [])]),
  };
}

const lossOf = (method: Method, x: tf.Tensor, w: tf.Tensor, extra: MarginLossOptions = {}): tf.Tensor => {
  const { options, free } = optionsOf(method);
  const loss = marginLoss(x as tf.Tensor2D, w as tf.Tensor2D, labels, method.margin, {
    ...options,
    ...extra,
  });
  free();
  return loss;
};

const embeddings = seededNormal(11, batch * features);
const weightsFor = (rows: number) => seededNormal(12, rows * features);
const tensors = (rows = numClasses) => ({
  x: tf.tensor2d(Float32Array.from(embeddings), [batch, features]),
  w: tf.tensor2d(Float32Array.from(weightsFor(rows)), [rows, features]),
});

/** Methods without numbers that depend on the size of the batch. */
const waiting: Record<string, { margin: Margin; bias?: boolean; labelSmoothing?: number }> = {
  'softmax with a bias': { margin: softmax(), bias: true },
  'arcFace with smoothing': { margin: arcFace({ scale: 9 }), labelSmoothing: 0.1 },
  'a filtered arcFace': { margin: interClassFilter(arcFace({ scale: 9 }), 0.1) },
  'sub-centers': { margin: subCenter(cosFace({ scale: 9 }), 2) },
  sphereFace2: { margin: sphereFace2() },
};

describeBackends('marginLoss', () => {
  describe.each(Object.entries(methods))('%s', (_, method) => {
    const rows = numClasses * method.margin.subCenters;

    it('has the value and gradient of its formula in float64, in one chunk and in chunks of 3', async () => {
      const data = [embeddings, weightsFor(rows)].map((values) =>
        Float64Array.from(Float32Array.from(values)),
      );
      const reference = method.make(data[0]!, data[1]!);
      for (const chunk of [undefined, 3]) {
        await expectNoLeak(() =>
          expectGradient({
            op: (x, w) => lossOf(method, x!, w!, { reduction: 'none', chunk }),
            reference: (x, w) => reference(x!, w!),
            inputs: [
              { shape: [batch, features], data: embeddings },
              { shape: [rows, features], data: weightsFor(rows) },
            ],
            step: 1e-6,
            tolerance: 2e-4,
          }),
        );
      }
    });

    it('does not depend on the order of the classes', async () => {
      const { subCenters } = method.margin;
      const { x, w } = tensors(rows);
      const order = [4, 0, 6, 2, 5, 1, 3];
      const rowOrder = order.flatMap((id) =>
        Array.from({ length: subCenters }, (_, k) => id * subCenters + k),
      );
      const moved = tf.gather(w, tf.tensor1d(rowOrder, 'int32'));
      const { options, free } = optionsOf(method);
      const a = lossOf(method, x, w);
      const ids = labels.map((label) => order.indexOf(label));
      const b = marginLoss(x, moved, ids, method.margin, options);
      expect(await valuesOf(b)).toBeAllclose(await valuesOf(a), { rtol: 2e-5, atol: 1e-5 });
      free();
      tf.dispose([x, w, moved, a, b]);
    });
  });

  it('is plain softmax for a margin of 0, in chunks of any size', async () => {
    const { x, w } = tensors();
    const plain = marginLoss(x, w, labels, normFace({ scale: 20 }));
    const expected = await valuesOf(plain);
    for (const margin of [arcFace({ margin: 0, scale: 20 }), cosFace({ margin: 0, scale: 20 })]) {
      for (let chunk = 1; chunk <= numClasses; chunk++) {
        const loss = marginLoss(x, w, labels, margin, { chunk });
        expect(await valuesOf(loss)).toBeAllclose(expected, { rtol: 1e-6, atol: 1e-6 });
        loss.dispose();
      }
    }
    const lambda = marginLoss(x, w, labels, aSoftmax({ margin: 1, lambda: 0 }));
    const unit = tf.tidy(() => tf.div(w, tf.norm(w, 2, 1, true)) as tf.Tensor2D);
    const same = marginLoss(x, unit, labels, softmax());
    expect(await valuesOf(lambda)).toBeAllclose(await valuesOf(same), { rtol: 1e-5 });
    tf.dispose([x, w, plain, lambda, unit, same]);
  });

  it('has finite gradients at every angle, exactly 0 and pi among them', async () => {
    const angles = [0, 1e-20, 1e-7, 1e-4, 0.01, 1, 2.6416, 3.14, Math.PI - 1e-6, Math.PI];
    const x = tf.tensor2d(angles.map((t) => [Math.cos(t), Math.sin(t), 0]));
    const w = tf.tensor2d([
      [1, 0, 0],
      [0, 0.6, 0.8],
      [0.6, 0, -0.8],
    ]);
    const ids = angles.map(() => 0);
    for (const { margin } of Object.values(methods)) {
      if (margin.subCenters > 1 || margin.prepare || margin.perSampleMargins) continue;
      const { value, grads } = tf.valueAndGrads((a: tf.Tensor, b: tf.Tensor) =>
        marginLoss(a as tf.Tensor2D, b as tf.Tensor2D, ids, margin),
      )([x, w]);
      for (const tensor of [value, ...grads]) {
        expect(Array.from(await tensor.data()).every(Number.isFinite), margin.name).toBe(true);
      }
      tf.dispose([value, grads]);
    }
    tf.dispose([x, w]);
  });

  it('takes norms from 1e-20 to 1e20 on both sides, and a zero vector', async () => {
    const { x, w } = tensors();
    const lengths = [1e-20, 1e20, 1e-10, 1, 1e10, 0];
    const longX = tf.tidy(() => tf.mul(x, tf.tensor2d(lengths, [batch, 1])) as tf.Tensor2D);
    const factors = [1e-20, 1e20, 1, 1e-10, 1e10, 1, 1e15];
    const longW = tf.tidy(() => tf.mul(w, tf.tensor2d(factors, [numClasses, 1])) as tf.Tensor2D);
    const margin = arcFace();
    const a = marginLoss(x, w, labels, margin, { reduction: 'none' });
    const b = marginLoss(longX, longW, labels, margin, { reduction: 'none' });
    const [expected, got] = [await a.data(), await b.data()];
    expect(got.slice(0, 5)).toBeAllclose(expected.slice(0, 5), { rtol: 1e-4 });
    // A zero vector has cosine 0 with every class: logits 64 cos(pi/2 + 0.5) and 0.
    const zero = crossEntropy([64 * Math.cos(Math.PI / 2 + 0.5), 0, 0, 0, 0, 0, 0], 0);
    expect(got[5]).toBeCloseTo(zero, 3);
    const grads = tf.grads((p: tf.Tensor, q: tf.Tensor) =>
      marginLoss(p as tf.Tensor2D, q as tf.Tensor2D, labels, margin),
    )([longX, longW]);
    for (const gradient of grads) expect(Array.from(await gradient.data()).every(Number.isFinite)).toBe(true);
    tf.dispose([x, w, longX, longW, a, b, grads]);
  });

  it('does not clamp the loss, and keeps the digits of p_y - 1', async () => {
    const x = tf.tensor2d([
      [-1, 0, 0],
      [1, 0.001, 0],
    ]);
    const w = tf.tensor2d([
      [1, 0, 0],
      [-1, 0, 0],
    ]);
    const far = marginLoss(x, w, [0, 0], normFace({ scale: 64 }), { reduction: 'none' });
    const near = marginLoss(x, w, [0, 0], normFace({ scale: 10 }), { reduction: 'none' });
    expect((await far.data())[0]).toBeCloseTo(128, 3);
    // softplus(-20 cos 0.001): 1 - p_y is 2.06e-9, below float32's step at 1.
    const cos = 1 / Math.sqrt(1 + 1e-6);
    expect((await near.data())[1]).toBeAllclose(Math.log1p(Math.exp(-20 * cos)), { rtol: 1e-4, atol: 0 });
    tf.dispose([x, w, far, near]);
  });

  it('weights, ignores, smooths and reduces', async () => {
    const { x, w } = tensors();
    const margin = cosFace({ margin: 0.2, scale: 8 });
    const each = marginLoss(x, w, labels, margin, { reduction: 'none' });
    const losses = Array.from(await each.data());
    const sampleWeights = tf.tensor1d([1, 2, 0, 0.5, 1, 3]);
    const weighted = marginLoss(x, w, labels, margin, { sampleWeights });
    const sum = losses[0]! + 2 * losses[1]! + 0.5 * losses[3]! + losses[4]! + 3 * losses[5]!;
    expect((await weighted.data())[0]).toBeAllclose(sum / 7.5, { rtol: 1e-5 });
    const ignoring = marginLoss(x, w, [0, -1, 1, -1, 4, 2], margin, { ignoreLabel: -1 });
    const kept = (losses[0]! + losses[2]! + losses[4]! + losses[5]!) / 4;
    expect((await ignoring.data())[0]).toBeAllclose(kept, { rtol: 1e-5 });
    const smooth = marginLoss(x, w, labels, margin, { labelSmoothing: 0.1, reduction: 'none', chunk: 2 });
    const logits = marginLogits(x, w, labels, margin);
    const z = (await logits.array()) as number[][];
    const expected = z.map((row, i) => {
      const perClass = row.map((_, j) => crossEntropy(row, j));
      return 0.9 * perClass[labels[i]!]! + (0.1 / numClasses) * perClass.reduce((a, b) => a + b, 0);
    });
    expect(await smooth.data()).toBeAllclose(Float64Array.from(expected), { rtol: 1e-5 });
    tf.dispose([x, w, each, sampleWeights, weighted, ignoring, smooth, logits]);
  });

  it('has the gradient of label smoothing, of a bias and of a learned scale', async () => {
    const reference = (x: Float64Array, w: Float64Array, b: Float64Array) =>
      labels.map((y, i) => {
        const z = Array.from({ length: numClasses }, (_, j) => {
          let sum = b[j]!;
          for (let k = 0; k < features; k++) sum += x[i * features + k]! * w[j * features + k]!;
          return sum;
        });
        const all = z.map((_, j) => crossEntropy(z, j));
        return 0.8 * all[y]! + (0.2 / numClasses) * all.reduce((p, q) => p + q, 0);
      });
    await expectGradient({
      op: (x, w, bias) =>
        marginLoss(x as tf.Tensor2D, w as tf.Tensor2D, labels, softmax(), {
          bias,
          labelSmoothing: 0.2,
          reduction: 'none',
          chunk: 2,
        }),
      reference: (x, w, b) => reference(x!, w!, b!),
      inputs: [
        { shape: [batch, features], data: embeddings },
        { shape: [numClasses, features], data: weightsFor(numClasses) },
        { shape: [numClasses], data: seededNormal(13, numClasses) },
      ],
    });
    const { make } = methods.normFace!;
    await expectGradient({
      op: (s) => {
        const { x, w } = tensors();
        return marginLoss(x, w, labels, normFace(), { scale: s!, reduction: 'none' });
      },
      // normFace's reference has scale 9: logits are linear in it.
      reference: (s) => scaled(s![0]!),
      inputs: [{ shape: [], data: [9] }],
    });
    expect(make(embeddings, weightsFor(numClasses))(embeddings, weightsFor(numClasses))).toBeAllclose(
      scaled(9),
      {
        rtol: 1e-6,
      },
    );
    function scaled(s: number): number[] {
      const [x, w] = [Float32Array.from(embeddings), Float32Array.from(weightsFor(numClasses))];
      const unit = (data: Float32Array, i: number) => {
        const v = Array.from(data.subarray(i * features, (i + 1) * features));
        return v.map((value) => value / Math.hypot(...v));
      };
      return labels.map((y, i) => {
        const z = Array.from(
          { length: numClasses },
          (_, j) => s * unit(x, i).reduce((sum, value, k) => sum + value * unit(w, j)[k]!, 0),
        );
        return crossEntropy(z, y);
      });
    }
  });

  it('leaves the margin out of the gradient by straight-through, not out of the value', async () => {
    const { x, w } = tensors();
    const gradients = tf.grads((p: tf.Tensor, q: tf.Tensor) =>
      marginLoss(
        p as tf.Tensor2D,
        q as tf.Tensor2D,
        labels,
        arcFace({ scale: 9, gradient: 'straight-through' }),
      ),
    )([x, w]);
    // The same logits, their slopes by the cosines all s: a dense softmax by hand.
    const logits = marginLogits(x, w, labels, arcFace({ scale: 9 }));
    const expected = tf.grads((p: tf.Tensor, q: tf.Tensor) => {
      const unit = (t: tf.Tensor) => tf.div(t, tf.norm(t, 2, 1, true));
      const cosines = tf.matMul(unit(p) as tf.Tensor2D, unit(q) as tf.Tensor2D, false, true);
      const share = tf.sub(tf.softmax(logits), tf.oneHot(tf.tensor1d(labels, 'int32'), numClasses));
      return tf.sum(tf.mul(cosines, tf.mul(share, 9 / batch)));
    })([x, w]);
    for (const i of [0, 1]) {
      expect(await valuesOf(gradients[i]!)).toBeAllclose(await valuesOf(expected[i]!), {
        rtol: 1e-3,
        atol: 2e-5,
      });
    }
    tf.dispose([x, w, logits, gradients, expected]);
  });

  it('gives NaN for an unchecked label outside the classes, and NaN embeddings show', async () => {
    const { x, w } = tensors();
    const wrong = tf.tensor1d([0, 99, 1, -1, 4, 2], 'int32');
    const losses = marginLoss(x, w, wrong, arcFace(), { reduction: 'none' });
    expect(Array.from(await losses.data(), Number.isNaN)).toEqual([false, true, false, true, false, false]);
    const bad = tf.tensor2d(
      Float32Array.from(embeddings, (value, i) => (i === 7 ? NaN : value)),
      [batch, features],
    );
    const shown = marginLoss(bad, w, labels, arcFace(), { reduction: 'none' });
    expect(Array.from(await shown.data(), Number.isNaN)).toEqual([false, true, false, false, false, false]);
    tf.dispose([x, w, wrong, losses, bad, shown]);
  });

  it('throws without leaking', async () => {
    const { x, w } = tensors();
    await expectNoLeak(() => {
      expect(() => marginLoss(x, w, [0, 1, 2, 3, 4, 7], arcFace())).toThrow(
        /^marginLoss: labels\[5\] must be a class id in \[0, 7\), got 7/,
      );
      expect(() => marginLoss(x, w, labels, methods.curricularFace!.margin)).toThrow(
        /options.state must hold t/,
      );
      expect(() => marginLoss(x, w, labels, methods['elasticFace arc']!.margin)).toThrow(
        /options.key must be given/,
      );
      expect(() => marginLoss(x, w, labels, subCenter(arcFace(), 2))).toThrow(/2 rows a class, got 7 rows/);
      expect(() => marginLoss(x, w, labels, sphereFace2(), { labelSmoothing: 0.1 })).toThrow(
        /labelSmoothing must be 0/,
      );
    });
    const empty = tf.zeros([0, features]) as tf.Tensor2D;
    expect(() => marginLoss(empty, w, [], arcFace())).toThrow(/at least one sample, got \[0, 5\]/);
    tf.dispose([x, w, empty]);
  });

  it('gives in chunks of 128 what it gives at once, for 3000 classes with labels that repeat', async () => {
    const x = seededTensor(1, [8, 40]) as tf.Tensor2D;
    const w = seededTensor(2, [3000, 40]) as tf.Tensor2D;
    const ids = [0, 1, 2999, 1500, 1, 700, 701, 2998];
    const run = (chunk?: number) =>
      tf.grads((p: tf.Tensor, q: tf.Tensor) =>
        marginLoss(p as tf.Tensor2D, q as tf.Tensor2D, ids, arcFace(), { chunk }),
      )([x, w]);
    const [whole, chunked] = [run(3000), run(128)];
    for (const i of [0, 1]) {
      expect(await valuesOf(chunked[i]!)).toBeAllclose(await valuesOf(whole[i]!), { rtol: 1e-4, atol: 1e-6 });
    }
    tf.dispose([x, w, whole, chunked]);
  });

  // Up to as many samples as features the products wait in the gradient's memory, with more they are computed again.
  it.each(Object.entries(waiting))(
    'gives for %s with few samples what it gives with many',
    async (_, test) => {
      const [few, count] = [4, 12];
      const x = seededTensor(1, [few, 32]) as tf.Tensor2D;
      const w = seededTensor(2, [count * test.margin.subCenters, 32]) as tf.Tensor2D;
      const ids = [0, 11, 5, 11];
      const run = (copies: number) =>
        tf.tidy(() => {
          const bias = test.bias ? (seededTensor(3, [count]) as tf.Tensor1D) : undefined;
          const state = createState(test.margin);
          const many = tf.tile(x, [copies, 1]);
          const all = Array.from({ length: copies }, () => ids).flat();
          const { labelSmoothing } = test;
          const gradients = tf.grads((p: tf.Tensor, q: tf.Tensor) =>
            marginLoss(p as tf.Tensor2D, q as tf.Tensor2D, all, test.margin, {
              chunk: 4,
              bias,
              state,
              labelSmoothing,
            }),
          )([many, w]);
          tf.dispose(state);
          return [tf.mul(tf.slice(gradients[0]!, 0, few), copies), gradients[1]!] as tf.Tensor[];
        });
      const [once, often] = [run(1), run(9)];
      for (const i of [0, 1]) {
        expect(await valuesOf(once[i]!)).toBeAllclose(await valuesOf(often[i]!), { rtol: 1e-3, atol: 1e-5 });
      }
      tf.dispose([x, w, once, often]);
    },
  );

  it('gives its gradient to two tapes, one within the other', async () => {
    const x = seededTensor(1, [4, 32]) as tf.Tensor2D;
    const w = seededTensor(2, [12, 32]) as tf.Tensor2D;
    const loss = (q: tf.Tensor) => marginLoss(x, q as tf.Tensor2D, [0, 11, 5, 11], arcFace(), { chunk: 4 });
    const alone = tf.grad(loss)(w);
    const held: tf.Tensor[] = [];
    const outer = tf.grad((q) => {
      const { value, grad } = tf.valueAndGrad(loss)(q);
      held.push(tf.keep(tf.clone(grad)));
      return value;
    })(w);
    for (const gradient of [outer, held[0]!]) {
      expect(await valuesOf(gradient)).toBeAllclose(await valuesOf(alone), { rtol: 1e-5, atol: 1e-7 });
    }
    tf.dispose([x, w, alone, outer, held]);
  });

  it('refuses what is no margin', () => {
    const { x, w } = tensors();
    for (const wrong of ['arcFace', arcFace, undefined]) {
      expect(() => marginLoss(x, w, labels, wrong as unknown as Margin)).toThrow(
        /^marginLoss: margin must be what a method returns, got .*arcFace\(\)/,
      );
    }
    expect(() => createState('adaFace' as unknown as Margin)).toThrow(/^createState: margin must/);
    expect(() => subCenter(arcFace as unknown as Margin)).toThrow(/^subCenter: margin must/);
    expect(() => magFace({ margins: [0.8, 0.4] })).toThrow(/magFace: margins\[1\] must be .*got 0.4/);
    expect(() => aSoftmax({ gradient: 'detached' } as object)).toThrow(/aSoftmax: .*gradient/);
    tf.dispose([x, w]);
  });
});
