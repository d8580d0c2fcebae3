/** The spline and its gradient as compositions of tensor ops, for GPUs: `hostSpline`, every bin of every element at once. */
import * as tf from '@tensorflow/tfjs-core';
import { softplus } from '@tfkit/core/tfjs';
import { derivativeCount, type SplineSpec } from './spec';

interface Call {
  readonly x: tf.Tensor;
  readonly raw: tf.Tensor;
}

/** What value and gradient share. Of [rows, bins, n] unless said otherwise; what belongs to a point's bin is [rows, n]. */
interface Local {
  /** Softmax of the raw numbers. */
  readonly widthShares: tf.Tensor;
  readonly heightShares: tf.Tensor;
  /** [rows, derivatives, n] as the net gave them. */
  readonly rawDerivatives: tf.Tensor;
  /** 1 where the bin is the point's, and where it lies before it. */
  readonly own: tf.Tensor;
  readonly before: tf.Tensor;
  readonly isInside: tf.Tensor;
  readonly excess: tf.Tensor;
  readonly value: tf.Tensor;
  readonly logSlope: tf.Tensor;
  readonly w: tf.Tensor;
  readonly h: tf.Tensor;
  readonly s: tf.Tensor;
  readonly d0: tf.Tensor;
  readonly d1: tf.Tensor;
  readonly theta: tf.Tensor;
  /** theta (1 - theta). */
  readonly t: tf.Tensor;
  /** Numerator and denominator of the value, and of the slope. */
  readonly n: tf.Tensor;
  readonly d: tf.Tensor;
  readonly m: tf.Tensor;
}

const one = (x: tf.Tensor) => tf.sub(1, x);
const combined = (...terms: tf.Tensor[]) => terms.reduce((sum, term) => tf.add(sum, term));

function locate({ x, raw }: Call, spec: SplineSpec): Local {
  const { bins, bound, tails, direction } = spec;
  const [rows, n] = x.shape as [number, number];
  const numbers = tf.reshape(raw, [rows, -1, n]);
  const part = (from: number, size: number) => tf.slice(numbers, [0, from, 0], [rows, size, n]);
  const widthShares = shares(part(0, bins));
  const heightShares = shares(part(bins, bins));
  const rawDerivatives =
    derivativeCount(spec) === 0 ? tf.zeros([rows, 0, n]) : part(2 * bins, derivativeCount(spec));
  const widths = sizesOf(widthShares, spec.minBinWidth, spec);
  const heights = sizesOf(heightShares, spec.minBinHeight, spec);
  const slopes = knotSlopes(rawDerivatives, spec);

  const turns = tails === 'circular' ? tf.mul(tf.floor(tf.div(tf.add(x, bound), 2 * bound)), 2 * bound) : 0;
  const point = tf.sub(x, turns);
  const inner = tf.clipByValue(point, -bound, bound);
  const isForward = direction === 'forward';
  const before = binsBefore(isForward ? widths : heights, inner, bound);
  const own = tf.sub(
    tf.concat([tf.ones([rows, 1, n]), tf.slice(before, [0, 0, 0], [rows, bins - 1, n])], 1),
    before,
  );
  const pick = (values: tf.Tensor) => tf.sum(tf.mul(own, values), 1);
  const start = (sizes: tf.Tensor) => tf.sub(tf.sum(tf.mul(before, sizes), 1), bound);
  const [w, h] = [pick(widths), pick(heights)];
  const [xk, yk] = [start(widths), start(heights)];
  const d0 = pick(tf.slice(slopes, [0, 0, 0], [rows, bins, n]));
  const d1 = pick(tf.slice(slopes, [0, 1, 0], [rows, bins, n]));
  const s = tf.div(h, w);
  const sigma = tf.sub(tf.add(d0, d1), tf.mul(2, s));
  const theta = isForward
    ? tf.clipByValue(tf.div(tf.sub(inner, xk), w), 0, 1)
    : rootOf(tf.sub(inner, yk), h, s, d0, sigma);
  const t = tf.mul(theta, one(theta));
  const numerator = tf.mul(h, tf.add(tf.mul(s, tf.square(theta)), tf.mul(d0, t)));
  const d = tf.add(s, tf.mul(sigma, t));
  const m = combined(
    tf.mul(d1, tf.square(theta)),
    tf.mul(tf.mul(2, s), t),
    tf.mul(d0, tf.square(one(theta))),
  );
  const logSlope = tf.add(tf.mul(2, tf.sub(tf.log(s), tf.log(d))), tf.log(m));
  const excess = tf.sub(point, inner);
  const mapped = isForward ? tf.add(yk, tf.div(numerator, d)) : tf.add(xk, tf.mul(theta, w));
  const beyond = tf.mul(excess, tf.exp(isForward ? logSlope : tf.neg(logSlope)));
  const isInside = tf.equal(point, inner);
  const keeps = tails === 'identity';
  return {
    ...{
      widthShares,
      heightShares,
      rawDerivatives,
      own,
      before,
      isInside,
      excess,
      w,
      h,
      s,
      d0,
      d1,
      theta,
      t,
    },
    ...{ n: numerator, d, m },
    value: keeps ? tf.where(isInside, mapped, x) : combined(mapped, beyond, tf.mul(tf.onesLike(x), turns)),
    logSlope: keeps ? tf.where(isInside, logSlope, tf.sub(x, x)) : logSlope,
  };
}

/** (x [rows, n], raw [rows, outputs * n]) to [2, rows, n]: the value, and log|dz/dx|. */
export function composedSpline(call: Call, spec: SplineSpec): tf.Tensor {
  const { value, logSlope } = locate(call, spec);
  return tf.stack([value, logSlope]);
}

/** The vector-Jacobian product for dy [2, rows, n], as `hostSplineGradient`, whose comments say what the terms are. */
export function composedSplineGradient(
  call: Call & { readonly dy: tf.Tensor },
  spec: SplineSpec,
): [tf.Tensor, tf.Tensor] {
  const local = locate(call, spec);
  const { w, h, s, d0, d1, theta, t, n, d, m, own, before, excess } = local;
  const [dValue, dLogSlope] = tf.unstack(call.dy) as [tf.Tensor, tf.Tensor];
  const isForward = spec.direction === 'forward';
  const inside = tf.cast(local.isInside, 'float32');
  const sigma = tf.sub(tf.add(d0, d1), tf.mul(2, s));
  const oneMinus2Theta = tf.sub(1, tf.mul(2, theta));
  const oneMinus2T = tf.sub(1, tf.mul(2, t));
  const numerator = combined(tf.mul(d1, theta), tf.mul(s, oneMinus2Theta), tf.neg(tf.mul(d0, one(theta))));
  const logSlopeByTheta = tf.sub(
    tf.mul(2, tf.div(numerator, m)),
    tf.mul(2, tf.div(tf.mul(sigma, oneMinus2Theta), d)),
  );
  const slope = tf.div(tf.mul(tf.square(s), m), tf.square(d));
  const logSlopeByX = tf.mul(inside, tf.div(logSlopeByTheta, w));
  const onF = isForward ? dValue : tf.neg(tf.div(tf.add(dValue, tf.mul(dLogSlope, logSlopeByX)), slope));
  const excessX = isForward ? excess : tf.div(excess, slope);
  const onL = tf.add(dLogSlope, tf.mul(onF, tf.mul(excessX, slope)));
  const overD = tf.div(onF, tf.square(d));
  const gTheta = tf.add(tf.mul(tf.mul(onF, slope), w), tf.mul(onL, logSlopeByTheta));
  const gS = tf.add(
    tf.mul(overD, tf.sub(tf.mul(tf.mul(h, tf.square(theta)), d), tf.mul(n, oneMinus2T))),
    tf.mul(onL, combined(tf.div(2, s), tf.div(tf.mul(2, t), m), tf.div(tf.mul(-2, oneMinus2T), d))),
  );
  const twoTOverD = tf.div(tf.mul(2, t), d);
  const gD0 = tf.add(
    tf.mul(tf.mul(overD, t), tf.sub(tf.mul(h, d), n)),
    tf.mul(onL, tf.sub(tf.div(tf.square(one(theta)), m), twoTOverD)),
  );
  const gD1 = tf.sub(
    tf.mul(onL, tf.sub(tf.div(tf.square(theta), m), twoTOverD)),
    tf.mul(tf.mul(overD, t), n),
  );
  const byX = tf.div(gTheta, w);
  const toSizes = (share: tf.Tensor, least: number, onBefore: tf.Tensor, onOwn: tf.Tensor) => {
    const incoming = tf.add(tf.mul(before, tf.expandDims(onBefore, 1)), tf.mul(own, tf.expandDims(onOwn, 1)));
    const mean = tf.sum(tf.mul(share, incoming), 1, true);
    return tf.mul(tf.mul(share, tf.sub(incoming, mean)), 2 * spec.bound * (1 - spec.bins * least));
  };
  const toWidths = toSizes(
    ...([local.widthShares, spec.minBinWidth, tf.neg(byX)] as const),
    tf.neg(tf.add(tf.mul(byX, theta), tf.div(tf.mul(gS, s), w))),
  );
  const toHeights = toSizes(
    ...([local.heightShares, spec.minBinHeight, onF] as const),
    tf.add(tf.div(tf.mul(onF, n), tf.mul(h, d)), tf.div(gS, w)),
  );
  const toDerivatives = derivativeGradient(local, gD0, gD1, spec);
  const [rows] = call.x.shape as [number, number];
  const parts = [toWidths, toHeights, ...(toDerivatives ? [toDerivatives] : [])];
  const toRaw = tf.concat(parts, 1);
  const flat = (numbers: tf.Tensor) => tf.reshape(numbers, [rows, -1]);
  const byPoint = isForward ? byX : tf.neg(onF);
  if (spec.tails !== 'identity') {
    const outside = isForward ? tf.mul(dValue, slope) : tf.neg(onF);
    return [tf.where(local.isInside, byPoint, outside), flat(toRaw)];
  }
  return [tf.where(local.isInside, byPoint, dValue), flat(tf.mul(toRaw, tf.expandDims(inside, 1)))];
}

function shares(raw: tf.Tensor): tf.Tensor {
  const powers = tf.exp(tf.sub(raw, tf.max(raw, 1, true)));
  return tf.div(powers, tf.sum(powers, 1, true));
}

function sizesOf(share: tf.Tensor, least: number, { bins, bound }: SplineSpec): tf.Tensor {
  return tf.mul(tf.add(tf.mul(share, 1 - bins * least), least), 2 * bound);
}

/** [rows, bins, n]: 1 for each bin that ends at or before the point; the last bin never does. */
function binsBefore(sizes: tf.Tensor, point: tf.Tensor, bound: number): tf.Tensor {
  const [rows, bins, n] = sizes.shape as [number, number, number];
  if (bins === 1) return tf.zeros(sizes.shape);
  const inner = tf.slice(sizes, [0, 0, 0], [rows, bins - 1, n]);
  const passed = tf.greaterEqual(tf.expandDims(point, 1), tf.sub(tf.cumsum(inner, 1), bound));
  return tf.concat([tf.cast(passed, 'float32'), tf.zeros([rows, 1, n])], 1);
}

/** Slopes at all knots, [rows, bins + 1, n]. */
function knotSlopes(raw: tf.Tensor, spec: SplineSpec): tf.Tensor {
  const [rows, count, n] = raw.shape as [number, number, number];
  const ends = tf.ones([rows, 1, n]);
  if (count === 0) return tf.concat([ends, ends], 1);
  const slopes = tf.add(spec.derivatives === 'exp' ? tf.exp(raw) : softplus(raw), spec.minDerivative);
  if (spec.tails === 'linear') return slopes;
  if (spec.tails === 'identity') return tf.concat([ends, slopes, ends], 1);
  return tf.concat([slopes, tf.slice(slopes, [0, 0, 0], [rows, 1, n])], 1);
}

function derivativeGradient(
  { rawDerivatives: raw, own }: Local,
  gD0: tf.Tensor,
  gD1: tf.Tensor,
  { bins, tails, derivatives }: SplineSpec,
): tf.Tensor | undefined {
  const [rows, count, n] = raw.shape as [number, number, number];
  if (count === 0) return undefined;
  const none = tf.zeros([rows, 1, n]);
  const knots = tf.add(
    tf.concat([tf.mul(own, tf.expandDims(gD0, 1)), none], 1),
    tf.concat([none, tf.mul(own, tf.expandDims(gD1, 1))], 1),
  );
  const take = (from: number, size: number) => tf.slice(knots, [0, from, 0], [rows, size, n]);
  let incoming = knots;
  if (tails === 'identity') incoming = take(1, bins - 1);
  if (tails === 'circular') {
    const first = tf.add(take(0, 1), take(bins, 1));
    incoming = bins === 1 ? first : tf.concat([first, take(1, bins - 1)], 1);
  }
  return tf.mul(incoming, derivatives === 'exp' ? tf.exp(raw) : tf.sigmoid(raw));
}

/** theta where the spline has risen by `rise`: 2c / (-b - sqrt(b^2 - 4ac)), which does not cancel as the textbook root does. */
function rootOf(rise: tf.Tensor, h: tf.Tensor, s: tf.Tensor, d0: tf.Tensor, sigma: tf.Tensor): tf.Tensor {
  const r = tf.minimum(tf.maximum(rise, 0), h);
  const b = tf.sub(tf.mul(h, d0), tf.mul(r, sigma));
  const a = tf.add(tf.mul(h, tf.sub(s, d0)), tf.mul(r, sigma));
  const discriminant = tf.maximum(tf.add(tf.square(b), tf.mul(tf.mul(4, a), tf.mul(s, r))), 0);
  const root = tf.div(tf.mul(tf.mul(2, s), r), tf.add(b, tf.sqrt(discriminant)));
  return tf.clipByValue(root, 0, 1);
}
