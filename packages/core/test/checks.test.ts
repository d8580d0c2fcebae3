import { describe, expect, it } from 'vitest';
import {
  checkDType,
  checkInteger,
  checkKnownOptions,
  checkNumber,
  checkOneOf,
  checkRank,
  checkSameShape,
  checkShape,
  DTypeError,
  isTfkitError,
  OptionError,
  ShapeError,
} from '../src/index';

describe('checks', () => {
  it('names the function, the argument, the rule and the value', () => {
    expect(() =>
      checkRank(['arcFaceLogits', 'embeddings'], { shape: [8, 4, 512] }, 2, '[batch, features]'),
    ).toThrow('arcFaceLogits: embeddings must have rank 2 [batch, features], got rank 3 [8, 4, 512].');
    expect(() => checkShape(['f', 'x'], { shape: [2, 3] }, [null, 4], 'Transpose it.')).toThrow(
      'f: x must have shape [*, 4], got [2, 3]. Transpose it.',
    );
    expect(() => checkSameShape(['f', 'x'], { shape: [2] }, 'y', { shape: [3] })).toThrow(
      'f: x must have the shape of y [3], got [2].',
    );
    expect(() => checkDType(['f', 'labels'], { dtype: 'float32' }, ['int32'])).toThrow(
      'f: labels must be int32, got float32.',
    );
    expect(() => checkOneOf(['f', 'mode'], 'sam', ['same', 'valid'])).toThrow(
      "f: mode must be one of 'same', 'valid', got 'sam'.",
    );
    expect(() => checkKnownOptions('f', { sacle: 1 }, ['scale'])).toThrow(
      "f: options must be among scale, got 'sacle'.",
    );
  });

  it('lets good values pass', () => {
    checkRank(['f', 'x'], { shape: [1, 2] }, [2, 3]);
    checkShape(['f', 'x'], { shape: [5, 4] }, [null, 4]);
    checkNumber(['f', 'x'], 1, { min: 0, max: 1 });
    checkInteger(['f', 'x'], 0, { min: 0 });
  });

  it.each([NaN, Infinity, -Infinity, '1', null, undefined, 1n])('refuses %s as a number', (value) => {
    expect(() => checkNumber(['f', 'x'], value)).toThrow(OptionError);
  });

  it('honours open and closed ends of a range', () => {
    expect(() => checkNumber(['f', 'scale'], 0, { min: 0, open: 'min' })).toThrow(
      'f: scale must be a number > 0, got 0.',
    );
    expect(() => checkNumber(['f', 'p'], 1, { min: 0, max: 1, open: 'max' })).toThrow(
      'f: p must be a number in [0, 1), got 1.',
    );
    expect(() => checkInteger(['f', 'k'], 1.5, { min: 1 })).toThrow('f: k must be an integer >= 1, got 1.5.');
  });

  it('recognises errors of another copy of core by name', () => {
    class ForeignShapeError extends Error {
      override name = 'ShapeError';
    }
    expect(isTfkitError(new ForeignShapeError('x'), 'ShapeError')).toBe(true);
    expect(isTfkitError(new ShapeError('x'), 'DTypeError')).toBe(false);
    expect(isTfkitError(new DTypeError('x'))).toBe(true);
    expect(isTfkitError(new TypeError('x'))).toBe(false);
    expect(isTfkitError('ShapeError')).toBe(false);
  });
});
