import { describe, expect, it } from 'vitest';
import { compareAllclose } from '../src/matchers';

describe('toBeAllclose', () => {
  it('takes NaN only for NaN and an infinity only for itself', () => {
    expect([NaN, Infinity, -Infinity]).toBeAllclose([NaN, Infinity, -Infinity]);
    expect(compareAllclose([NaN], [0])).toMatch(/1 of 1 elements differ/);
    expect(compareAllclose([0], [NaN])).toMatch(/differ/);
    expect(compareAllclose([Infinity], [1e30])).toMatch(/differ/);
    expect(compareAllclose([1e30], [Infinity])).toMatch(/differ/);
    expect(compareAllclose([-Infinity], [Infinity])).toMatch(/differ/);
  });

  it('compares shapes exactly', () => {
    expect(compareAllclose([[1, 2]], [1, 2])).toBe('shape [1,2] differs from the expected [2]');
    expect(compareAllclose({ shape: [3], data: [1, 2] }, [1, 2])).toMatch(/shape/);
    expect({ shape: [1, 2], data: new Float32Array([1, 2]) }).toBeAllclose([[1, 2]]);
  });

  it('names the worst element', () => {
    expect(compareAllclose([1, 2.1, 3.5], [1, 2, 3])).toBe(
      '2 of 3 elements differ (rtol 0.00001, atol 0.000001); worst at flat index 2: 3.5 instead of 3',
    );
  });

  it('honours both tolerances', () => {
    expect([1001]).toBeAllclose([1000], { rtol: 1e-3, atol: 0 });
    expect(compareAllclose([1002], [1000], { rtol: 1e-3, atol: 0 })).toMatch(/differ/);
    expect([0.001]).toBeAllclose([0], { rtol: 0, atol: 0.001 });
  });
});
