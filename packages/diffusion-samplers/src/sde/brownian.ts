/**
 * A Brownian path that is a function of (seed, item, time) alone: steps of any length, in any order, on any backend see
 * the same path, so that a run with half the step follows the same noise. A binary tree of Brownian bridges; the node's
 * number keys its normal numbers (core's counter-based generator).
 *
 * The bridge carries W and its integral together: of an interval [s, u] with h = u - s, w = W(u) - W(s) and the
 * space-time area H = (1 / h) integral (W(r) - W(s) - (r - s) / h w) dr, N(0, h / 12) and independent of w, the values at
 * a point in between are Gaussian (Foster, Oberhauser and Lyons 2020, arXiv:2001.10465; diffrax's VirtualBrownianTree).
 */
import { checkInteger, checkKnownOptions, checkNumber, checkOneOf, OptionError } from '@tfkit/core';
import { ratioOf } from '../level';
import { type NoiseSource, seededNoise } from '../noise';
import type { Plan } from '../plan/types';

/** Options of `brownianPath`: the shape and the ends of the path are required. */
export interface BrownianOptions {
  /** An integer in [0, 2^32). Default 0. */
  readonly seed?: number;
  /** Of the state, the batch first. */
  readonly shape: readonly number[];
  /** The ends of the path, from < to. */
  readonly from: number;
  readonly to: number;
  /** Where intervals are halved: 'even' in time, 'geometric' in its logarithm (from > 0). Default 'even'. */
  readonly spacing?: 'even' | 'geometric';
  /** Levels of the tree: below (to - from) / 2^depth the path is smooth. Default 20, at most 24. */
  readonly depth?: number;
}

export interface BrownianIncrement {
  /** W(to) - W(from), variance to - from. */
  readonly w: Float64Array;
  /** The space-time area, variance (to - from) / 12, independent of w. */
  readonly area: Float64Array;
}

export interface BrownianPath {
  /** Times may be asked for in any order; from one after the other the path goes on where it was, which is cheaper. */
  increment(from: number, to: number): BrownianIncrement;
}

/** W(t) and its integral from the path's start. */
interface Point {
  readonly t: number;
  readonly w: Float64Array;
  readonly integral: Float64Array;
}

interface Interval {
  /** Number of the node: 1 is the whole path, 2 k and 2 k + 1 its halves. */
  readonly node: number;
  readonly left: Point;
  readonly right: Point;
}

/**
 * A path from W(from) = 0.
 *
 * @throws OptionError for options out of range, and from `increment` for times outside the path.
 */
export function brownianPath(options: BrownianOptions): BrownianPath {
  checkKnownOptions('brownianPath', options, ['seed', 'shape', 'from', 'to', 'spacing', 'depth']);
  const { seed = 0, shape, from, to, spacing = 'even', depth = 20 } = options;
  checkOneOf(['brownianPath', 'spacing'], spacing, ['even', 'geometric']);
  checkNumber(['brownianPath', 'from'], from, spacing === 'geometric' ? { min: 0, open: 'min' } : {});
  checkNumber(['brownianPath', 'to'], to, { min: from, open: 'min' });
  checkInteger(['brownianPath', 'depth'], depth, { min: 1, max: 24 });
  const middle =
    spacing === 'even' ? (a: number, b: number) => (a + b) / 2 : (a: number, b: number) => Math.sqrt(a * b);
  const draws = seededNoise(seed);
  /** Two independent normal arrays of a node. */
  const normals = (node: number) => [draws(2 * node, shape), draws(2 * node + 1, shape)] as const;
  let branch: Interval[] = [wholePath(from, to, normals(0))];

  const at = (t: number): Point => {
    if (!(t >= from && t <= to)) {
      throw new OptionError(`brownianPath: time must be in [${from}, ${to}], got ${t}.`);
    }
    // Times asked for one after the other share the upper nodes.
    while (branch.length > 1 && !holds(branch.at(-1)!, t)) branch.pop();
    for (;;) {
      const { node, left, right } = branch.at(-1)!;
      if (t === left.t) return left;
      if (t === right.t) return right;
      if (branch.length > depth) return between(left, right, t);
      const point = between(left, right, middle(left.t, right.t), normals(node));
      branch = [
        ...branch,
        t <= point.t ? { node: 2 * node, left, right: point } : { node: 2 * node + 1, left: point, right },
      ];
    }
  };

  return {
    increment(start, end) {
      const [a, b] = [at(start), at(end)];
      const h = end - start;
      const w = b.w.map((value, i) => value - a.w[i]!);
      const area = w.map((value, i) =>
        h === 0 ? 0 : (b.integral[i]! - a.integral[i]!) / h - a.w[i]! - value / 2,
      );
      return { w, area };
    },
  };
}

const holds = ({ left, right }: Interval, t: number): boolean => t >= left.t && t <= right.t;

function wholePath(
  from: number,
  to: number,
  [x1, x2]: readonly [ArrayLike<number>, ArrayLike<number>],
): Interval {
  const h = to - from;
  const zero = new Float64Array(x1.length);
  const w = Float64Array.from(x1, (value) => Math.sqrt(h) * value);
  const integral = w.map((value, i) => h * (value / 2 + Math.sqrt(h / 12) * x2[i]!));
  return { node: 1, left: { t: from, w: zero, integral: zero }, right: { t: to, w, integral } };
}

/** The point at r between two others: its mean, and with normal numbers a sample. */
function between(
  left: Point,
  right: Point,
  r: number,
  normals?: readonly [ArrayLike<number>, ArrayLike<number>],
): Point {
  const h = right.t - left.t;
  const [p, q] = [r - left.t, right.t - r];
  const d = Math.sqrt(p ** 3 + q ** 3);
  const [a, b] = [(p ** 3.5 * q ** 0.5) / (2 * h * d), (p ** 0.5 * q ** 3.5) / (2 * h * d)];
  const c = (Math.sqrt(3) * p ** 1.5 * q ** 1.5) / (6 * d);
  const w = new Float64Array(left.w.length);
  const integral = new Float64Array(left.w.length);
  for (let i = 0; i < w.length; i++) {
    const whole = right.w[i]! - left.w[i]!;
    const area = (right.integral[i]! - left.integral[i]!) / h - left.w[i]! - whole / 2;
    const [x1, x2] = normals ? [normals[0][i]!, normals[1][i]!] : [0, 0];
    const step = (p / h) * whole + ((6 * p * q) / h ** 2) * area + ((2 * (a + b)) / h) * x1;
    const part = (p / h) ** 2 * area - (a / p) * x1 + (c / p) * x2;
    w[i] = left.w[i]! + step;
    integral[i] = left.integral[i]! + p * (left.w[i]! + step / 2 + part);
  }
  return { t: r, w, integral };
}

/** Options of `brownianNoise`: the seed, an integer in [0, 2^32), default 0; and the range of noise levels. */
export interface BrownianNoiseOptions {
  readonly seed?: number;
  /** Range of sigma / alpha that the path has to cover. Default 1e-4 to 1e4. */
  readonly ratioMin?: number;
  readonly ratioMax?: number;
}

/**
 * Noise for a plan from one path over the signal-to-noise ratio, so that plans of the same solver with more steps draw
 * the same picture, more exactly. Pass it as `noise`. The clock is the one in which the noise of the reverse SDE's
 * exponential integrators (`dpmSolver({ eta: 1 })`, `saSolver`) is exact: (alpha / sigma)^2. A step that draws twice has its
 * first draw up to its middle level.
 *
 * @throws OptionError from a draw at a level out of the range.
 */
export function brownianNoise(plan: Plan, options: BrownianNoiseOptions = {}): NoiseSource {
  checkKnownOptions('brownianNoise', options, ['seed', 'ratioMin', 'ratioMax']);
  const { seed = 0, ratioMin = 1e-4, ratioMax = 1e4 } = options;
  checkNumber(['brownianNoise', 'ratioMin'], ratioMin, { min: 0, open: 'min' });
  checkNumber(['brownianNoise', 'ratioMax'], ratioMax, { min: ratioMin, open: 'min' });
  const initial = seededNoise(seed);
  const spans = spansOf(plan);
  let path: BrownianPath | undefined;
  return (draw, shape) => {
    if (draw < 0) return initial(draw, shape);
    const span = spans.get(draw);
    if (!span)
      throw new OptionError(`brownianNoise: plan must have draw ${draw}, got one with ${plan.draws}.`);
    path ??= brownianPath({ seed, shape, from: ratioMax ** -2, to: ratioMin ** -2, spacing: 'geometric' });
    const [from, to] = span.map((ratio) => Math.min(ratio, ratioMax) ** -2) as [number, number];
    const { w } = path.increment(Math.min(from, to), Math.max(from, to));
    const scale = 1 / Math.sqrt(Math.abs(to - from));
    return w.map((value) => value * scale);
  };
}

/** The ratios between which each draw of a plan falls. */
function spansOf(plan: Plan): Map<number, readonly [from: number, to: number]> {
  const spans = new Map<number, readonly [number, number]>();
  for (const { from, to, instructions } of plan.steps) {
    const drawn = instructions.flatMap((instruction) =>
      instruction.op === 'noise' ? [instruction.draw] : [],
    );
    const levels = instructions.flatMap((instruction) =>
      instruction.op === 'model' ? [instruction.level] : [],
    );
    for (const [k, draw] of drawn.entries()) {
      const end = k + 1 < drawn.length && levels[k + 1] ? levels[k + 1]! : to;
      spans.set(draw, [ratioOf(from), ratioOf(end)]);
    }
  }
  return spans;
}

/** Increments that are independent of each other: what a run draws that no other has to follow. The nth call is draw n. */
export function independentIncrements(seed: number, shape: readonly number[]): BrownianPath {
  const draws = seededNoise(seed);
  let count = 0;
  return {
    increment(from, to) {
      const h = to - from;
      const w = Float64Array.from(draws(2 * count, shape), (value) => Math.sqrt(h) * value);
      const area = Float64Array.from(draws(2 * count + 1, shape), (value) => Math.sqrt(h / 12) * value);
      count++;
      return { w, area };
    },
  };
}
