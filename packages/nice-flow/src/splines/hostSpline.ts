/**
 * The spline and its gradient as loops in float64, for backends whose memory is the host's. One pass over the numbers of
 * an element replaces some forty tensor ops forward and as many backward.
 */
import * as tf from '@tensorflow/tfjs-core';
import { type SplineSpec, splineOutputs } from './spec';

interface Call {
  readonly x: tf.TensorInfo & { dataSync(): Float32Array };
  readonly raw: tf.TensorInfo & { dataSync(): Float32Array };
}

/** (x [rows, n], raw [rows, outputs * n]) to [2, rows, n]: the value, and log|dz/dx|. */
export function hostSpline({ x, raw }: Call, spec: SplineSpec): tf.Tensor {
  const [rows, n] = x.shape as [number, number];
  const [points, numbers] = [x.dataSync(), raw.dataSync()];
  const out = new Float32Array(2 * rows * n);
  const element = new SplineElement(spec, n);
  const width = splineOutputs(spec) * n;
  for (let at = 0, row = 0; row < rows; row++) {
    for (let i = 0; i < n; i++, at++) {
      element.evaluate(points[at]!, numbers, row * width + i);
      out[at] = element.value;
      out[rows * n + at] = element.logSlope;
    }
  }
  return tf.tensor(out, [2, rows, n]);
}

/** The vector-Jacobian product of `hostSpline` for dy [2, rows, n]: [rows, (1 + outputs) * n], that to x before that to raw. */
export function hostSplineGradient(
  { x, raw, dy }: Call & { readonly dy: Call['x'] },
  spec: SplineSpec,
): tf.Tensor {
  const [rows, n] = x.shape as [number, number];
  const [points, numbers, upstream] = [x.dataSync(), raw.dataSync(), dy.dataSync()];
  const outputs = splineOutputs(spec);
  const out = new Float32Array(rows * (1 + outputs) * n);
  const element = new SplineElement(spec, n);
  for (let at = 0, row = 0; row < rows; row++) {
    for (let i = 0; i < n; i++, at++) {
      element.evaluate(points[at]!, numbers, row * outputs * n + i);
      const to = row * (1 + outputs) * n + i;
      out[to] = element.gradient(upstream[at]!, upstream[rows * n + at]!, out, to + n);
    }
  }
  return tf.tensor(out, [rows, (1 + outputs) * n]);
}

/** One element's spline. Numbers of an element lie `stride` apart. */
class SplineElement {
  value = 0;
  logSlope = 0;
  private readonly widths: Float64Array;
  private readonly heights: Float64Array;
  private bin = 0;
  private theta = 0;
  private slope0 = 1;
  private slope1 = 1;
  /** How far the point lies outside of the interval. */
  private excess = 0;
  private isOutside = false;

  constructor(
    private readonly spec: SplineSpec,
    private readonly stride: number,
  ) {
    this.widths = new Float64Array(spec.bins);
    this.heights = new Float64Array(spec.bins);
  }

  evaluate(point: number, raw: Float32Array, from: number): void {
    const { bins, bound, tails, minBinWidth, minBinHeight, direction } = this.spec;
    const { widths, heights, stride } = this;
    this.isOutside = tails !== 'circular' && !(point >= -bound && point <= bound);
    if (this.isOutside && (tails === 'identity' || Number.isNaN(point))) {
      this.value = point;
      this.logSlope = Number.isNaN(point) ? NaN : 0;
      return;
    }
    const turns = tails === 'circular' ? 2 * bound * Math.floor((point + bound) / (2 * bound)) : 0;
    const inside = Math.min(bound, Math.max(-bound, point - turns));
    this.excess = tails === 'linear' ? point - inside : 0;
    this.sizes(raw, from, minBinWidth, widths);
    this.sizes(raw, from + bins * stride, minBinHeight, heights);
    const isForward = direction === 'forward';
    const searched = isForward ? widths : heights;
    let bin = 0;
    let left = -bound;
    while (bin < bins - 1 && inside >= left + searched[bin]!) left += searched[bin++]!;
    let other = -bound;
    const others = isForward ? heights : widths;
    for (let j = 0; j < bin; j++) other += others[j]!;
    this.bin = bin;
    const slope0 = this.derivative(raw, from + 2 * bins * stride, bin);
    const slope1 = this.derivative(raw, from + 2 * bins * stride, bin + 1);
    this.slope0 = slope0;
    this.slope1 = slope1;
    const [w, h] = [widths[bin]!, heights[bin]!];
    const s = h / w;
    const sigma = slope0 + slope1 - 2 * s;
    let theta: number;
    if (isForward) {
      theta = Math.min(1, (inside - left) / w);
      const t = theta * (1 - theta);
      this.value = other + (h * (s * theta * theta + slope0 * t)) / (s + sigma * t);
    } else {
      const rise = Math.min(h, inside - left);
      const b = h * slope0 - rise * sigma;
      const discriminant = Math.max(0, b * b + 4 * (h * (s - slope0) + rise * sigma) * s * rise);
      theta = Math.min(1, Math.max(0, (2 * s * rise) / (b + Math.sqrt(discriminant))));
      this.value = other + theta * w;
    }
    this.theta = theta;
    const t = theta * (1 - theta);
    const m = slope1 * theta * theta + 2 * s * t + slope0 * (1 - theta) * (1 - theta);
    const slope = (s * s * m) / (s + sigma * t) ** 2;
    this.logSlope = Math.log(slope);
    this.value += turns + (isForward ? this.excess * slope : this.excess / slope);
  }

  /**
   * Writes the gradient to raw at `to`, `stride` apart (`out` holds zeros); returns that to the point. With F the forward map and L its log-slope at x: forward gives dValue F_p + dLogSlope L_p; inverse gives, by
   * the implicit function theorem, dLogSlope L_p - (dValue + dLogSlope L_x) F_p / F_x.
   */
  gradient(dValue: number, dLogSlope: number, out: Float32Array, to: number): number {
    if (this.isOutside && this.spec.tails === 'identity') return dValue;
    const { theta, slope0: d0, slope1: d1, widths, heights, bin } = this;
    const isForward = this.spec.direction === 'forward';
    const [w, h] = [widths[bin]!, heights[bin]!];
    const s = h / w;
    const t = theta * (1 - theta);
    const sigma = d0 + d1 - 2 * s;
    const n = h * (s * theta * theta + d0 * t);
    const d = s + sigma * t;
    const m = d1 * theta * theta + 2 * s * t + d0 * (1 - theta) * (1 - theta);
    const dSlopeDTheta =
      (2 * (d1 * theta + s * (1 - 2 * theta) - d0 * (1 - theta))) / m - (2 * sigma * (1 - 2 * theta)) / d;
    const slope = (s * s * m) / (d * d);
    const logSlopeByX = this.isOutside ? 0 : dSlopeDTheta / w;
    // What comes in on F at the inner point, and on L there.
    const onF = isForward ? dValue : -(dValue + dLogSlope * logSlopeByX) / slope;
    const excess = isForward ? this.excess : this.excess / slope;
    const onL = dLogSlope + onF * excess * slope;
    // The inner point stands still outside, and is at x = xk + theta w.
    const gTheta = onF * slope * w + onL * dSlopeDTheta;
    const gS =
      (onF * (h * theta * theta * d - n * (1 - 2 * t))) / (d * d) +
      onL * (2 / s + (2 * t) / m - (2 * (1 - 2 * t)) / d);
    const gD0 = (onF * (h * t * d - n * t)) / (d * d) + onL * ((1 - theta) ** 2 / m - (2 * t) / d);
    const gD1 = (onF * -n * t) / (d * d) + onL * (theta ** 2 / m - (2 * t) / d);
    // The point is at theta of its bin. (Outside theta is 0 or 1: what then falls on all bins alike, softmax cancels.)
    const byX = gTheta / w;
    const { bins, minBinWidth, minBinHeight } = this.spec;
    this.sizesGradient(widths, -byX, -byX * theta - (gS * s) / w, minBinWidth, out, to);
    this.sizesGradient(
      heights,
      onF,
      (onF * n) / (h * d) + gS / w,
      minBinHeight,
      out,
      to + bins * this.stride,
    );
    this.derivativesGradient(gD0, gD1, out, to + 2 * bins * this.stride);
    if (!isForward) return -onF;
    return this.isOutside ? dValue * slope : byX;
  }

  /** Bin sizes 2 bound (least + (1 - bins least) softmax), which add up to 2 bound. */
  private sizes(raw: Float32Array, from: number, least: number, sizes: Float64Array): void {
    const { bins, bound } = this.spec;
    let largest = -Infinity;
    for (let j = 0; j < bins; j++) largest = Math.max(largest, raw[from + j * this.stride]!);
    let sum = 0;
    for (let j = 0; j < bins; j++) sum += sizes[j] = Math.exp(raw[from + j * this.stride]! - largest);
    const free = (2 * bound * (1 - bins * least)) / sum;
    for (let j = 0; j < bins; j++) sizes[j] = 2 * bound * least + free * sizes[j]!;
  }

  /** From the gradient to each size before `bin`, and to that of `bin`, to the raw numbers. */
  private sizesGradient(
    sizes: Float64Array,
    before: number,
    own: number,
    least: number,
    out: Float32Array,
    to: number,
  ): void {
    const { bins, bound } = this.spec;
    const offset = 2 * bound * least;
    const total = 2 * bound * (1 - bins * least);
    let mean = own * (sizes[this.bin]! - offset);
    for (let j = 0; j < this.bin; j++) mean += before * (sizes[j]! - offset);
    mean /= total;
    for (let j = 0; j < bins; j++) {
      const incoming = j < this.bin ? before : j === this.bin ? own : 0;
      out[to + j * this.stride] = (sizes[j]! - offset) * (incoming - mean);
    }
  }

  /** Which raw derivative that of a knot is; -1 for an end whose slope is 1. */
  private derivativeAt(knot: number): number {
    const { bins, tails } = this.spec;
    if (tails === 'identity') return knot === bins ? -1 : knot - 1;
    return tails === 'circular' && knot === bins ? 0 : knot;
  }

  private derivative(raw: Float32Array, from: number, knot: number): number {
    const index = this.derivativeAt(knot);
    if (index < 0) return 1;
    const value = raw[from + index * this.stride]!;
    const { minDerivative, derivatives } = this.spec;
    return minDerivative + (derivatives === 'exp' ? Math.exp(value) : softplus(value));
  }

  private derivativesGradient(gD0: number, gD1: number, out: Float32Array, to: number): void {
    this.derivativeGradient(this.bin, gD0, this.slope0, out, to);
    this.derivativeGradient(this.bin + 1, gD1, this.slope1, out, to);
  }

  private derivativeGradient(
    knot: number,
    incoming: number,
    slope: number,
    out: Float32Array,
    to: number,
  ): void {
    const index = this.derivativeAt(knot);
    if (index < 0) return;
    const above = slope - this.spec.minDerivative;
    // d softplus(r) / dr = 1 - exp(-softplus(r)).
    const factor = this.spec.derivatives === 'exp' ? above : -Math.expm1(-above);
    out[to + index * this.stride]! += incoming * factor;
  }
}

const softplus = (x: number) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));
