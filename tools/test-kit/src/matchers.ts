/**
 * `expect(actual).toBeAllclose(expected, {rtol, atol})`: |actual - expected| <= atol + rtol * |expected| for every
 * element, where NaN matches only NaN and an infinity only itself, and shapes must agree.
 */
import { expect } from 'vitest';
import { compareAllclose, type Numbers, type Tolerance } from './allclose';

export { compareAllclose, type Numbers, type Tolerance } from './allclose';

expect.extend({
  toBeAllclose(actual: Numbers, expected: Numbers, tolerance?: Tolerance) {
    const difference = compareAllclose(actual, expected, tolerance);
    return {
      pass: difference === undefined,
      message: () => difference ?? 'the arrays agree within the tolerance, and should not',
    };
  },
});

declare module 'vitest' {
  // biome-ignore lint/suspicious/noExplicitAny: the signature has to repeat vitest's own
  interface Matchers<T = any> {
    toBeAllclose(expected: Numbers, tolerance?: Tolerance): T;
  }
}
