/** The adaptive solver ends: at sigmaMin, or with an error that says why it cannot. */
import { describe, expect, it } from 'vitest';
import { dpmAdaptive } from '../src/adaptive';

const options = { shape: [1, 2], x: [10, -5], sigmaMin: 0.01, sigmaMax: 10 };
/** x0 of standard normal data. */
const model = (x: ArrayLike<number>, { sigma }: { sigma: number }) =>
  Float64Array.from(x, (value) => value / (1 + sigma ** 2));

describe('dpmAdaptive', () => {
  it('follows the exact solution within its tolerance, the nearer the tighter', async () => {
    const exact = options.x.map((value) => value * Math.sqrt((1 + 0.01 ** 2) / (1 + 10 ** 2)));
    const errors = await Promise.all(
      [0.05, 0.005].map(async (rtol) => {
        const { x } = await dpmAdaptive(model, { ...options, rtol, atol: rtol / 10 });
        return Math.max(...exact.map((value, i) => Math.abs(value - x[i]!)));
      }),
    );
    expect(errors[0]).toBeLessThan(0.05 * Math.abs(exact[0]!));
    expect(errors[1]).toBeLessThan(errors[0]! / 2);
  });

  it('refuses a model that returns NaN or too few numbers', async () => {
    const nan = () => [Number.NaN, 0];
    await expect(dpmAdaptive(nan, options)).rejects.toThrow(/must be finite, got NaN at sigma 10/);
    await expect(dpmAdaptive(() => [1], options)).rejects.toThrow(/must return 2 numbers, got 1/);
  });

  it('gives up on a tolerance that no step meets', async () => {
    // A model that jumps at every call: its error does not shrink with the step.
    let sign = 1;
    const jumps = () => {
      sign = -sign;
      return [1e12 * sign, 0];
    };
    await expect(dpmAdaptive(jumps, { ...options, rtol: 0, atol: 1e-9 })).rejects.toThrow(/allow a step/);
  });
});
