import * as tf from '@tensorflow/tfjs-core';
import { describeBackends, expectGradient, expectNoLeak, seededTensor } from '@tfkit/test-kit';
import { describe, expect, it } from 'vitest';
import { checkBijector, defineBijector, gaussian, type Scope } from '../src/index';
import { type BijectorEntry, entries, movedParameters } from './bijectors';

const batch = 3;

function given({ shape, contextSize = 0, range = [-1.5, 1.5] }: BijectorEntry) {
  return {
    x: seededTensor(7, [batch, ...shape], ...range),
    context: contextSize > 0 ? seededTensor(8, [batch, contextSize]) : undefined,
  };
}

describeBackends('contract of bijectors', (backend) => {
  const possible = entries.filter(({ except }) => !except?.[backend]);

  it.each(possible)(
    '$title: the inverse inverts, the log-determinants are those of the Jacobian',
    async (entry) => {
      const { x, context } = given(entry);
      const parameters = movedParameters(entry);
      await expectNoLeak(async () => {
        const check = await checkBijector(entry.bijector, x, { parameters, context });
        expect(check.problems).toEqual([]);
        expect(check.passed).toBe(true);
      });
      tf.dispose([x, parameters]);
      context?.dispose();
    },
  );

  it.each(possible)(
    '$title: shapes are told, every trained parameter has a gradient, nothing leaks',
    async (entry) => {
      const { bijector, shape } = entry;
      const { x, context } = given(entry);
      const parameters = movedParameters(entry);
      const scope: Scope = { parameters, context };
      const outputShape = bijector.outputShape(shape);
      expect([...bijector.inputShape(outputShape)]).toEqual(shape);
      await expectNoLeak(() => {
        const { z, logDet } = bijector.forward(x, scope);
        expect(z.shape).toEqual([batch, ...outputShape]);
        expect(logDet.shape).toEqual([batch]);
        const { x: back, logDet: inverse } = bijector.inverse(z, scope);
        expect(back.shape).toEqual(x.shape);
        expect(inverse.shape).toEqual([batch]);
        tf.dispose([z, logDet, back, inverse]);
      });
      const initial = bijector.init([0, 1], { shape, contextSize: entry.contextSize ?? 0 });
      const names = Object.keys(parameters).filter((name) => initial[name]!.trainable !== false);
      if (names.length === 0) return;
      const gradients = await expectNoLeak(
        () =>
          tf.grads((...values: tf.Tensor[]) => {
            const own = { ...parameters, ...Object.fromEntries(names.map((name, i) => [name, values[i]!])) };
            const { z, logDet } = bijector.forward(x, { ...scope, parameters: own });
            return tf.add(gaussian().logProb(z, scope), logDet);
          })(names.map((name) => parameters[name]!)),
        names.length,
      );
      for (const [i, gradient] of gradients.entries()) {
        const values = await gradient.data();
        const mayBeZero = names[i]!.endsWith('bias') || entry.unused?.includes(names[i]!);
        expect(mayBeZero || values.some((value) => value !== 0), names[i]).toBe(true);
        expect(values.every(Number.isFinite), names[i]).toBe(true);
      }
    },
  );
});

describeBackends('gradients of the log-likelihood', () => {
  const hidden = 3;
  const mlp64 = (x: number[], w0: Float64Array, b0: Float64Array, w1: Float64Array, b1: Float64Array) => {
    const inner = Array.from(b0, (bias, h) =>
      Math.tanh(x.reduce((sum, value, i) => sum + value * w0[i * hidden + h]!, bias)),
    );
    return Array.from(b1, (bias, o) =>
      inner.reduce((sum, value, h) => sum + value * w1[h * b1.length + o]!, bias),
    );
  };

  it('equal float64 finite differences for an affine coupling between a linear layer and a scaling', async () => {
    const { affineCoupling, chain, luLinear, logistic, mlp, scaling } = await import('../src/index');
    const names = [
      ...['linear.lower', 'linear.upper', 'linear.diagonal', 'linear.bias'],
      ...[
        'couple.net.0.kernel',
        'couple.net.0.bias',
        'couple.net.1.kernel',
        'couple.net.1.bias',
        'scale.logScale',
      ],
    ];
    const shapes = [[4, 4], [4, 4], [4], [4], [2, hidden], [hidden], [hidden, 4], [4], [4]];
    const bijector = chain({
      linear: luLinear({ eps: 0.1 }),
      couple: affineCoupling({ net: mlp({ hidden: [hidden], activation: 'tanh' }), scaleMap: 'sigmoid' }),
      scale: scaling(),
    });
    const seeds = [[batch, 4], ...shapes].map((shape, i) => {
      const size = shape.reduce((product, length) => product * length, 1);
      return { shape, data: Array.from({ length: size }, (_, at) => Math.sin(1 + 3.7 * at + i)) };
    });
    await expectGradient({
      op: (x, ...values) => {
        const parameters = Object.fromEntries(names.map((name, i) => [name, values[i]!]));
        const { z, logDet } = bijector.forward(x!, { parameters });
        return tf.add(logistic().logProb(z, { parameters }), logDet);
      },
      reference: (x, lower, upper, diagonal, bias, w0, b0, w1, b1, s) =>
        Array.from({ length: batch }, (_, row) => {
          const softplus = (v: number) => Math.log1p(Math.exp(v));
          const d = Array.from(diagonal!, (v) => softplus(v) + 0.1);
          const input = Array.from({ length: 4 }, (_, i) => x![row * 4 + i]!);
          const up = input.map((value, i) =>
            input.reduce((sum, other, j) => sum + (j > i ? upper![i * 4 + j]! * other : 0), d[i]! * value),
          );
          const h = up.map((value, i) =>
            up.reduce((sum, other, j) => sum + (j < i ? lower![i * 4 + j]! * other : 0), value + bias![i]!),
          );
          const raw = mlp64(h.slice(0, 2), w0!, b0!, w1!, b1!);
          const logScale = raw.slice(2).map((v) => -softplus(-(v + 2)));
          const z = [
            ...h.slice(0, 2),
            ...h.slice(2).map((value, i) => value * Math.exp(logScale[i]!) + raw[i]!),
          ].map((value, i) => value * Math.exp(s![i]!));
          const sum = (values: ArrayLike<number>) => Array.from(values).reduce((a, b) => a + b, 0);
          const prior = sum(z.map((v) => -softplus(v) - softplus(-v)));
          return prior + sum(d.map(Math.log)) + sum(logScale) + sum(s!);
        }),
      inputs: seeds,
      tolerance: 1e-3,
    });
  });
});

describe('checkBijector', () => {
  describeBackends('on planted errors', () => {
    const twice = (logDet: number, inverseLogDet = -logDet, factor = 2) =>
      defineBijector({
        name: 'twice',
        forward: (x) => ({ z: tf.mul(x, 2), logDet }),
        inverse: (z) => ({ x: tf.div(z, factor), logDet: inverseLogDet }),
      });
    const x = () => seededTensor(3, [2, 3]);
    const right = 3 * Math.LN2;

    it('passes the right layer', async () => {
      const check = await checkBijector(twice(right), x());
      expect(check.problems).toEqual([]);
    });
    it('catches a wrong log-determinant', async () => {
      const { passed, problems, logDetError, roundTripError } = await checkBijector(twice(right * 1.01), x());
      expect(passed).toBe(false);
      expect(problems).toEqual([
        expect.stringMatching(/^twice: logDet of forward differs from log\|det\| of the Jacobian/),
      ]);
      expect(logDetError).toBeGreaterThan(0.009);
      expect(roundTripError).toBeLessThan(1e-6);
    });
    it('catches a wrong inverse and its log-determinant', async () => {
      const { problems } = await checkBijector(twice(right, -right * 1.01, 2.01), x());
      expect(problems).toHaveLength(2);
      expect(problems.join()).toMatch(
        /inverse\(forward\(x\)\) differs from x.*logDet of inverse is not minus/,
      );
    });
    it('does not take NaN for right', async () => {
      const { passed, logDetError } = await checkBijector(twice(Number.NaN), x());
      expect(passed).toBe(false);
      expect(logDetError).toBe(Infinity);
    });
  });
});
