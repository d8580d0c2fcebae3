import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  coverage,
  coversExactly,
  hdcRule,
  hitsMap,
  hitsMap2d,
  receptiveField,
  suggestRates,
} from '../src/index';

const rateLists = fc.array(fc.integer({ min: 1, max: 12 }), { minLength: 1, maxLength: 5 });
const kernelSizes = fc.integer({ min: 1, max: 5 });

/** Positions read, by walking every path. */
function walked(rates: readonly number[], kernelSize: number): Map<number, number> {
  let paths = new Map([[0, 1]]);
  for (const rate of rates) {
    const next = new Map<number, number>();
    for (const [position, count] of paths) {
      for (let tap = 0; tap < kernelSize; tap++) {
        const to = position + tap * rate;
        next.set(to, (next.get(to) ?? 0) + count);
      }
    }
    paths = next;
  }
  return paths;
}

describe('coverage', () => {
  it('hits count every path, and holes are where none ends', () => {
    fc.assert(
      fc.property(rateLists, kernelSizes, (rates, kernelSize) => {
        const hits = hitsMap(rates, kernelSize);
        const paths = walked(rates, kernelSize);
        expect([...hits]).toEqual(Array.from({ length: hits.length }, (_, i) => paths.get(i) ?? 0));
        const found = coverage(rates, kernelSize);
        expect(found.covered).toBe(paths.size);
        expect(found.receptiveField).toBe(
          receptiveField(rates.map((dilationRate) => ({ kernelSize, dilationRate }))).size,
        );
      }),
    );
  });

  it('the exact test agrees with counting, in any order of the layers', () => {
    fc.assert(
      fc.property(rateLists, kernelSizes, (rates, kernelSize) => {
        const complete = coverage(rates, kernelSize).holes.length === 0;
        expect(coversExactly(rates, kernelSize)).toBe(complete);
        expect(coversExactly([...rates].reverse(), kernelSize)).toBe(complete);
      }),
      { numRuns: 500 },
    );
  });

  it('the published rule is neither sufficient nor necessary', () => {
    expect(hdcRule([2, 2, 2]).passes).toBe(true);
    expect(coverage([2, 2, 2])).toMatchObject({ covered: 7, receptiveField: 13, largestGap: 2 });
    expect(hdcRule([1, 2, 10], 5).passes).toBe(false);
    expect(coversExactly([1, 2, 10], 5)).toBe(true);
    expect(hdcRule([7], 3)).toEqual({ maxDistances: [7], secondDistance: 7, passes: false, gcd: 7 });
  });

  it('the 2-D map is the outer product', () => {
    const { size, data } = hitsMap2d([1, 2]);
    expect(size).toBe(7);
    expect(data[3 * size + 3]).toBe(hitsMap([1, 2])[3]! ** 2);
    expect(data.reduce((sum, count) => sum + count)).toBe(81);
  });
});

describe('suggestRates', () => {
  it('reaches the field without holes, ascending, for every field and any sufficient number of layers', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 3000 }),
        fc.integer({ min: 2, max: 5 }),
        fc.integer({ min: 0, max: 4 }),
        (wanted, kernelSize, more) => {
          const least = suggestRates(wanted, { kernelSize });
          const layers = least.rates.length + more;
          for (const { rates, receptiveField: field } of [
            least,
            suggestRates(wanted, { kernelSize, layers }),
          ]) {
            expect(coversExactly(rates, kernelSize)).toBe(true);
            expect(rates[0]).toBe(1);
            expect([...rates].sort((a, b) => a - b)).toEqual(rates);
            expect(field).toBe(coverage(rates, kernelSize).receptiveField);
            expect(field).toBeGreaterThanOrEqual(wanted);
          }
          expect(least.receptiveField - wanted).toBeLessThan(
            Math.max(kernelSize - 1, 1 + (kernelSize - 1) * least.rates.length),
          );
          if (least.rates.length > 1) {
            expect(kernelSize ** (least.rates.length - 1)).toBeLessThan(wanted);
          }
        },
      ),
      { numRuns: 400 },
    );
  });

  it('gives the schedules that one would write by hand', () => {
    expect(suggestRates(81).rates).toEqual([1, 3, 9, 27]);
    expect(suggestRates(17, { layers: 3 }).rates).toEqual([1, 2, 5]);
    expect(suggestRates(1).rates).toEqual([1]);
    expect(suggestRates(31)).toEqual({ rates: [1, 2, 4, 8], receptiveField: 31, passesHdcRule: true });
  });

  it('says how many layers it takes', () => {
    expect(() => suggestRates(82, { layers: 4 })).toThrow(
      'suggestRates: layers must be >= 5 to read 82 positions with 3 taps and no holes, got 4.',
    );
    expect(() => suggestRates(9, { kernelSize: 1 })).toThrow(/kernelSize must be an integer >= 2/);
    expect(() => suggestRates(0)).toThrow(/receptiveField must be an integer >= 1/);
  });
});

it('bad rates are named', () => {
  expect(() => hitsMap([])).toThrow('hitsMap: rates.length must be an integer >= 1, got 0.');
  expect(() => coversExactly([1, 0])).toThrow('coversExactly: rates must be an integer >= 1, got 0.');
  expect(() => hdcRule([1], 1.5)).toThrow(/hdcRule: kernelSize must be an integer/);
  expect(() => receptiveField([{ kernelSize: 3, strides: 0 }])).toThrow(/strides must be an integer >= 1/);
});
