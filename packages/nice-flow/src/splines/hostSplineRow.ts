/** The splines of one row of n elements. Numbers of one kind lie side by side, so that the loops run along memory. */
import type { SplineSpec } from './spec';

/** What the net gave, and its exponentials in float32 if the backend has them at little cost. */
export interface RawNumbers {
  raw(): Float32Array;
  readonly powers: Float32Array | undefined;
}

export class SplineRow {
  /** Of each element: the mapped point, and log|dz/dx|. */
  readonly value: Float64Array;
  readonly logSlope: Float64Array;
  private readonly widths: Powers;
  private readonly heights: Powers;
  private readonly bin: Int32Array;
  private readonly theta: Float64Array;
  /** How far a point lies outside of the interval, 0 inside. */
  private readonly excess: Float64Array;
  private readonly slope0: Float64Array;
  private readonly slope1: Float64Array;
  private readonly isForward: boolean;
  /** Where the derivatives begin in a row's numbers. */
  private readonly derivatives: number;

  constructor(
    private readonly spec: SplineSpec,
    private readonly n: number,
  ) {
    const { bins, bound, minBinWidth, minBinHeight, direction } = spec;
    const zeros = () => new Float64Array(n);
    this.value = zeros();
    this.logSlope = zeros();
    this.theta = zeros();
    this.excess = zeros();
    this.slope0 = zeros();
    this.slope1 = zeros();
    this.bin = new Int32Array(n);
    this.widths = new Powers(bins, n, bound, minBinWidth);
    this.heights = new Powers(bins, n, bound, minBinHeight);
    this.isForward = direction === 'forward';
    this.derivatives = 2 * bins * n;
  }

  /** Maps n points from `points[at]`, by the row's numbers from `from`. */
  evaluate(points: Float32Array, at: number, numbers: RawNumbers, from: number): void {
    const { n, widths, heights } = this;
    const { bins } = this.spec;
    widths.read(numbers, from);
    heights.read(numbers, from + bins * n);
    for (let i = 0; i < n; i++) this.evaluateOne(i, points[at + i]!, numbers, from);
  }

  private evaluateOne(i: number, point: number, numbers: RawNumbers, from: number): void {
    const { bins, bound, tails } = this.spec;
    const { isForward, widths, heights } = this;
    const isInside = point >= -bound && point <= bound;
    this.excess[i] = 0;
    if (!isInside && tails !== 'circular' && (tails === 'identity' || Number.isNaN(point))) {
      this.bin[i] = -1;
      this.value[i] = point;
      this.logSlope[i] = Number.isNaN(point) ? NaN : 0;
      return;
    }
    const turns = tails === 'circular' ? 2 * bound * Math.floor((point + bound) / (2 * bound)) : 0;
    const inside = Math.min(bound, Math.max(-bound, point - turns));
    const excess = tails === 'linear' ? point - inside : 0;
    const searched = isForward ? widths : heights;
    const others = isForward ? heights : widths;
    let bin = 0;
    let left = -bound;
    let size = searched.sizeOf(0, i);
    while (bin < bins - 1 && inside >= left + size) {
      left += size;
      size = searched.sizeOf(++bin, i);
    }
    let other = -bound;
    for (let j = 0; j < bin; j++) other += others.sizeOf(j, i);
    const otherSize = others.sizeOf(bin, i);
    const w = isForward ? size : otherSize;
    const h = isForward ? otherSize : size;
    const slope0 = this.slopeAt(numbers, from + i, bin);
    const slope1 = this.slopeAt(numbers, from + i, bin + 1);
    const s = h / w;
    const sigma = slope0 + slope1 - 2 * s;
    let theta: number;
    if (isForward) theta = Math.min(1, (inside - left) / w);
    else {
      const rise = Math.min(h, inside - left);
      const b = h * slope0 - rise * sigma;
      const discriminant = Math.max(0, b * b + 4 * (h * (s - slope0) + rise * sigma) * s * rise);
      theta = Math.min(1, Math.max(0, (2 * s * rise) / (b + Math.sqrt(discriminant))));
    }
    const t = theta * (1 - theta);
    const d = s + sigma * t;
    const m = slope1 * theta * theta + 2 * s * t + slope0 * (1 - theta) * (1 - theta);
    const slope = (s * s * m) / (d * d);
    const mapped = isForward ? (h * (s * theta * theta + slope0 * t)) / d : theta * w;
    this.value[i] = other + mapped + turns + (isForward ? excess * slope : excess / slope);
    this.logSlope[i] = Math.log(slope);
    this.bin[i] = bin;
    this.theta[i] = theta;
    this.excess[i] = excess;
    this.slope0[i] = slope0;
    this.slope1[i] = slope1;
  }

  /**
   * Writes element i's gradient to raw at `to`, n apart (`out` holds zeros); returns that to the point. With F the forward
   * map and L its log-slope at x: forward gives dValue F_p + dLogSlope L_p; inverse gives, by the implicit function
   * theorem, dLogSlope L_p - (dValue + dLogSlope L_x) F_p / F_x.
   */
  gradient(i: number, dValue: number, dLogSlope: number, out: Float32Array, to: number): number {
    const bin = this.bin[i]!;
    if (bin < 0) return dValue;
    const { isForward, widths, heights, n } = this;
    const [theta, d0, d1] = [this.theta[i]!, this.slope0[i]!, this.slope1[i]!];
    const isOutside = this.excess[i] !== 0;
    const [w, h] = [widths.sizeOf(bin, i), heights.sizeOf(bin, i)];
    const s = h / w;
    const t = theta * (1 - theta);
    const sigma = d0 + d1 - 2 * s;
    const numerator = h * (s * theta * theta + d0 * t);
    const d = s + sigma * t;
    const m = d1 * theta * theta + 2 * s * t + d0 * (1 - theta) * (1 - theta);
    const logSlopeByTheta =
      (2 * (d1 * theta + s * (1 - 2 * theta) - d0 * (1 - theta))) / m - (2 * sigma * (1 - 2 * theta)) / d;
    const slope = (s * s * m) / (d * d);
    const logSlopeByX = isOutside ? 0 : logSlopeByTheta / w;
    // What comes in on F at the inner point, and on L there.
    const onF = isForward ? dValue : -(dValue + dLogSlope * logSlopeByX) / slope;
    const excess = isForward ? this.excess[i]! : this.excess[i]! / slope;
    const onL = dLogSlope + onF * excess * slope;
    // The inner point stands still outside, and is at x = xk + theta w.
    const gTheta = onF * slope * w + onL * logSlopeByTheta;
    const overD = onF / (d * d);
    const gS =
      overD * (h * theta * theta * d - numerator * (1 - 2 * t)) +
      onL * (2 / s + (2 * t) / m - (2 * (1 - 2 * t)) / d);
    const gD0 = overD * t * (h * d - numerator) + onL * (((1 - theta) * (1 - theta)) / m - (2 * t) / d);
    const gD1 = -overD * t * numerator + onL * ((theta * theta) / m - (2 * t) / d);
    // The point is at theta of its bin. (Outside theta is 0 or 1: what then falls on all bins alike, softmax cancels.)
    const byX = gTheta / w;
    widths.gradient(i, bin, -byX, -byX * theta - (gS * s) / w, out, to);
    const onOwnHeight = (onF * numerator) / (h * d) + gS / w;
    heights.gradient(i, bin, onF, onOwnHeight, out, to + this.spec.bins * n);
    this.slopeGradient(bin, gD0, d0, out, to);
    this.slopeGradient(bin + 1, gD1, d1, out, to);
    if (!isForward) return -onF;
    return isOutside ? dValue * slope : byX;
  }

  /** Where the raw derivative of a knot lies from an element's first number; -1 for an end whose slope is 1. */
  private derivativeAt(knot: number): number {
    const { bins, tails } = this.spec;
    let index = knot;
    if (tails === 'identity') index = knot === bins ? -1 : knot - 1;
    else if (tails === 'circular' && knot === bins) index = 0;
    return index < 0 ? -1 : this.derivatives + index * this.n;
  }

  private slopeAt({ raw, powers }: RawNumbers, first: number, knot: number): number {
    const at = this.derivativeAt(knot);
    if (at < 0) return 1;
    const { minDerivative, derivatives } = this.spec;
    const power = powers ? powers[first + at]! : Infinity;
    // Not where float32 overflows.
    if (power < Infinity) return minDerivative + (derivatives === 'exp' ? power : Math.log1p(power));
    const value = raw()[first + at]!;
    return minDerivative + (derivatives === 'exp' ? Math.exp(value) : softplus(value));
  }

  private slopeGradient(knot: number, incoming: number, slope: number, out: Float32Array, to: number): void {
    const at = this.derivativeAt(knot);
    if (at < 0) return;
    const above = slope - this.spec.minDerivative;
    // d softplus(r) / dr = 1 - exp(-softplus(r)).
    out[to + at]! += incoming * (this.spec.derivatives === 'exp' ? above : -Math.expm1(-above));
  }
}

/** Bin sizes 2 bound (least + (1 - bins least) softmax(raw)) of n elements, which add up to 2 bound. */
class Powers {
  /** [bins, n] from `start`: numbers to which the softmax is proportional. */
  private powers: Float64Array | Float32Array;
  private start = 0;
  private readonly own: Float64Array;
  private readonly largest: Float64Array;
  /** A bin's size is `offset + free * power`. */
  private readonly free: Float64Array;
  private readonly offset: number;
  private readonly total: number;

  constructor(
    private readonly bins: number,
    private readonly n: number,
    bound: number,
    least: number,
  ) {
    this.own = new Float64Array(bins * n);
    this.powers = this.own;
    this.largest = new Float64Array(n);
    this.free = new Float64Array(n);
    this.offset = 2 * bound * least;
    this.total = 2 * bound * (1 - bins * least);
  }

  read(numbers: RawNumbers, from: number): void {
    if (numbers.powers && this.take(numbers.powers, from)) return;
    this.compute(numbers.raw(), from);
  }

  /** Uses exponentials as they are, unless their sums are out of float32's range. */
  private take(powers: Float32Array, from: number): boolean {
    const { free, bins, n, total } = this;
    free.fill(0);
    for (let j = 0; j < bins * n; j += n) {
      for (let i = 0; i < n; i++) free[i]! += powers[from + j + i]!;
    }
    for (let i = 0; i < n; i++) {
      if (!(free[i]! > 1e-20 && free[i]! < 1e30)) return false;
      free[i] = total / free[i]!;
    }
    this.powers = powers;
    this.start = from;
    return true;
  }

  /** Exponentials of the differences to the largest, which neither overflow nor all vanish. */
  private compute(raw: Float32Array, from: number): void {
    const { own: powers, largest, free, bins, n, total } = this;
    this.powers = powers;
    this.start = 0;
    const size = bins * n;
    for (let i = 0; i < n; i++) {
      largest[i] = raw[from + i]!;
      free[i] = 0;
    }
    for (let j = n; j < size; j += n) {
      for (let i = 0; i < n; i++) {
        const value = raw[from + j + i]!;
        if (!(value <= largest[i]!)) largest[i] = value;
      }
    }
    for (let j = 0; j < size; j += n) {
      for (let i = 0; i < n; i++) {
        const power = Math.exp(raw[from + j + i]! - largest[i]!);
        powers[j + i] = power;
        free[i]! += power;
      }
    }
    for (let i = 0; i < n; i++) free[i] = total / free[i]!;
  }

  sizeOf(bin: number, i: number): number {
    return this.offset + this.free[i]! * this.powers[this.start + bin * this.n + i]!;
  }

  /** From the gradient to each size before `bin`, and to that of `bin`, to the raw numbers of element i. */
  gradient(i: number, bin: number, before: number, own: number, out: Float32Array, to: number): void {
    const { powers, bins, n, total } = this;
    const free = this.free[i]!;
    const first = this.start + i;
    let mean = own * powers[first + bin * n]!;
    for (let j = 0; j < bin; j++) mean += before * powers[first + j * n]!;
    mean *= free / total;
    for (let j = 0; j < bins; j++) {
      const incoming = j < bin ? before : j === bin ? own : 0;
      out[to + j * n] = free * powers[first + j * n]! * (incoming - mean);
    }
  }
}

const softplus = (x: number) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));
