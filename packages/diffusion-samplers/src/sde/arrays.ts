/** Arithmetic on typed arrays, in float64. */
import type { Arithmetic, Coefficient, Tolerance } from './arithmetic';

/** Step of the central differences, in units of the state's. Their error is about its square. */
const difference = 1e-5;

/**
 * The arithmetic of typed arrays, in float64 and the default of `on`: values are Float64Arrays of items, one after the other.
 * `quadratic` takes central differences, three calls of its function; `read` gives the value itself, and `free` does nothing.
 */
export const arrays: Arithmetic<Float64Array> = {
  from: (values) => Float64Array.from(values),

  combine(coefficients, operands) {
    const out = new Float64Array(operands[0]!.length);
    for (const [k, operand] of operands.entries()) addScaled(out, coefficients[k]!, operand);
    return out;
  },

  step(base, steps, weights, slopes) {
    const out = weightedSum(weights, slopes);
    const size = out.length / steps.length;
    for (let item = 0, i = 0; item < steps.length; item++) {
      const h = steps[item]!;
      for (const end = i + size; i < end; i++) out[i] = base[i]! + h * out[i]!;
    }
    return out;
  },

  errors(steps, weights, slopes, { before, after, tolerance }) {
    const delta = weightedSum(weights, slopes);
    const size = delta.length / steps.length;
    const { atol, rtol }: Tolerance = tolerance;
    return Float64Array.from(steps, (h, item) => {
      let sum = 0;
      for (let i = item * size; i < (item + 1) * size; i++) {
        const scale = atol + rtol * Math.max(Math.abs(before[i]!), Math.abs(after[i]!));
        const ratio = delta[i]! / scale;
        sum += ratio * ratio;
      }
      return Math.abs(h) * Math.sqrt(sum / size);
    });
  },

  choose(flags, yes, no) {
    const out = no.slice();
    const size = out.length / flags.length;
    for (let item = 0; item < flags.length; item++) {
      if (flags[item]) out.set(yes.subarray(item * size, (item + 1) * size), item * size);
    }
    return out;
  },

  blend(mask, yes, no) {
    return no.map((value, i) => {
      const share = mask[i % mask.length]!;
      return share * yes[i]! + (1 - share) * value;
    });
  },

  matchDeviation(value, like, items, share) {
    const size = value.length / items;
    const out = value.slice();
    for (let item = 0; item < items; item++) {
      const part = out.subarray(item * size, (item + 1) * size);
      const ratio = deviation(like.subarray(item * size, (item + 1) * size)) / deviation(part);
      for (let i = 0; i < size; i++) part[i]! *= share * ratio + 1 - share;
    }
    return out;
  },

  langevin(x, score, noise, { items, snr, norms }) {
    const size = x.length / items;
    const [ofNoise, ofScore] = [itemNorms(noise, items, norms), itemNorms(score, items, norms)];
    return x.map((value, i) => {
      const item = Math.floor(i / size);
      const e = 2 * ((snr * ofNoise[item]!) / ofScore[item]!) ** 2;
      return value + e * score[i]! + Math.sqrt(2 * e) * noise[i]!;
    });
  },

  async quadratic(f, x, v, items) {
    const output = await f(x);
    const shifted = (by: number) => x.map((value, i) => value + by * v[i]!);
    const up = await f(shifted(difference));
    const down = await f(shifted(-difference));
    const size = x.length / items;
    const value = Float64Array.from({ length: items }, (_, item) => {
      let sum = 0;
      for (let i = item * size; i < (item + 1) * size; i++) sum += v[i]! * (up[i]! - down[i]!);
      return sum / (2 * difference);
    });
    return { output, value };
  },

  read: (value) => value,
  free() {},
};

function addScaled(out: Float64Array, factor: Coefficient, x: ArrayLike<number>): void {
  if (typeof factor === 'number') {
    for (let i = 0; i < out.length; i++) out[i]! += factor * x[i]!;
    return;
  }
  const size = out.length / factor.length;
  for (let item = 0, i = 0; item < factor.length; item++) {
    const c = factor[item]!;
    for (const end = i + size; i < end; i++) out[i]! += c * x[i]!;
  }
}

function weightedSum(weights: readonly number[], slopes: readonly Float64Array[]): Float64Array {
  const out = new Float64Array(slopes[0]!.length);
  for (const [k, slope] of slopes.entries()) if (weights[k]) addScaled(out, weights[k]!, slope);
  return out;
}

function deviation(values: Float64Array): number {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  return Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length);
}

/** Norm of each item, or for all items the mean of them. */
function itemNorms(values: Float64Array, items: number, norms: 'item' | 'batch'): number[] {
  const size = values.length / items;
  const each = Array.from({ length: items }, (_, item) => {
    let sum = 0;
    for (let i = item * size; i < (item + 1) * size; i++) sum += values[i]! ** 2;
    return Math.sqrt(sum);
  });
  const mean = each.reduce((a, b) => a + b, 0) / items;
  return norms === 'batch' ? each.map(() => mean) : each;
}
