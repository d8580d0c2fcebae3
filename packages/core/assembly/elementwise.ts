/** One pass over memory for what tfjs composes of many ops. */

/** out[i] = sum over the `count` pointers p and float32 coefficients c of c * p[i]. */
export function linearCombination(
  pointers: usize,
  coefficients: usize,
  count: i32,
  out: usize,
  size: i32,
): void {
  const bytes: usize = (<usize>size) << 2;
  const end = (<usize>count) << 2;
  let at: usize = 0;
  for (; at + 128 <= bytes; at += 128) {
    let s0 = f32x4.splat(0);
    let s1 = f32x4.splat(0);
    let s2 = f32x4.splat(0);
    let s3 = f32x4.splat(0);
    let s4 = f32x4.splat(0);
    let s5 = f32x4.splat(0);
    let s6 = f32x4.splat(0);
    let s7 = f32x4.splat(0);
    for (let i: usize = 0; i < end; i += 4) {
      const p = <usize>load<u32>(pointers + i) + at;
      const c = v128.load32_splat(coefficients + i);
      s0 = f32x4.add(s0, f32x4.mul(c, v128.load(p)));
      s1 = f32x4.add(s1, f32x4.mul(c, v128.load(p, 16)));
      s2 = f32x4.add(s2, f32x4.mul(c, v128.load(p, 32)));
      s3 = f32x4.add(s3, f32x4.mul(c, v128.load(p, 48)));
      s4 = f32x4.add(s4, f32x4.mul(c, v128.load(p, 64)));
      s5 = f32x4.add(s5, f32x4.mul(c, v128.load(p, 80)));
      s6 = f32x4.add(s6, f32x4.mul(c, v128.load(p, 96)));
      s7 = f32x4.add(s7, f32x4.mul(c, v128.load(p, 112)));
    }
    v128.store(out + at, s0);
    v128.store(out + at, s1, 16);
    v128.store(out + at, s2, 32);
    v128.store(out + at, s3, 48);
    v128.store(out + at, s4, 64);
    v128.store(out + at, s5, 80);
    v128.store(out + at, s6, 96);
    v128.store(out + at, s7, 112);
  }
  for (; at < bytes; at += 4) {
    let sum: f32 = 0;
    for (let i: usize = 0; i < end; i += 4) {
      sum += load<f32>(coefficients + i) * load<f32>(<usize>load<u32>(pointers + i) + at);
    }
    store<f32>(out + at, sum);
  }
}

/**
 * One Adam step (Kingma and Ba, 2015, algorithm 1), in place of its operands:
 * m = beta1 m + (1 - beta1) g, v = beta2 v + (1 - beta2) g^2, p -= stepSize m / (sqrt(v / correction2) + epsilon),
 * with stepSize = learningRate / (1 - beta1^t) and correction2 = 1 - beta2^t.
 */
export function adam(
  p: usize,
  m: usize,
  v: usize,
  g: usize,
  size: i32,
  beta1: f32,
  beta2: f32,
  stepSize: f32,
  inverseCorrection2: f32,
  epsilon: f32,
): void {
  const b1 = f32x4.splat(beta1);
  const b2 = f32x4.splat(beta2);
  const n1 = f32x4.splat(1 - beta1);
  const n2 = f32x4.splat(1 - beta2);
  const step = f32x4.splat(stepSize);
  const correction = f32x4.splat(inverseCorrection2);
  const eps = f32x4.splat(epsilon);
  const bytes: usize = (<usize>size) << 2;
  let at: usize = 0;
  for (; at + 16 <= bytes; at += 16) {
    const gradient = v128.load(g + at);
    const first = f32x4.add(f32x4.mul(b1, v128.load(m + at)), f32x4.mul(n1, gradient));
    const second = f32x4.add(f32x4.mul(b2, v128.load(v + at)), f32x4.mul(n2, f32x4.mul(gradient, gradient)));
    v128.store(m + at, first);
    v128.store(v + at, second);
    const root = f32x4.add(f32x4.sqrt(f32x4.mul(second, correction)), eps);
    v128.store(p + at, f32x4.sub(v128.load(p + at), f32x4.div(f32x4.mul(step, first), root)));
  }
  for (; at < bytes; at += 4) {
    const gradient = load<f32>(g + at);
    const first = beta1 * load<f32>(m + at) + (1 - beta1) * gradient;
    const second = beta2 * load<f32>(v + at) + (1 - beta2) * (gradient * gradient);
    store<f32>(m + at, first);
    store<f32>(v + at, second);
    const root = sqrt<f32>(second * inverseCorrection2) + epsilon;
    store<f32>(p + at, load<f32>(p + at) - (stepSize * first) / root);
  }
}

/** out[id] = sum of the rows of x with that id; ids outside [0, segments) are dropped. */
export function segmentSum(x: usize, ids: usize, out: usize, rows: i32, width: i32, segments: i32): void {
  const bytes: usize = (<usize>width) << 2;
  memory.fill(out, 0, <usize>segments * bytes);
  for (let row = 0; row < rows; row++, x += bytes, ids += 4) {
    const id = load<i32>(ids);
    if (<u32>id >= <u32>segments) continue;
    const to = out + <usize>id * bytes;
    let at: usize = 0;
    for (; at + 16 <= bytes; at += 16) v128.store(to + at, f32x4.add(v128.load(to + at), v128.load(x + at)));
    for (; at < bytes; at += 4) store<f32>(to + at, load<f32>(to + at) + load<f32>(x + at));
  }
}

/** x = clamp(x + bias, low, high) in place, over rows of `columns`; a NaN stays. */
export function addBias(x: usize, bias: usize, rows: i32, columns: i32, low: f32, high: f32): void {
  const bytes: usize = (<usize>columns) << 2;
  const lows = f32x4.splat(low);
  const highs = f32x4.splat(high);
  for (let row = 0; row < rows; row++, x += bytes) {
    let at: usize = 0;
    for (; at + 16 <= bytes; at += 16) {
      let value = v128.load(x + at);
      if (bias) value = f32x4.add(value, v128.load(bias + at));
      v128.store(x + at, f32x4.min(f32x4.max(value, lows), highs));
    }
    for (; at < bytes; at += 4) {
      let value = load<f32>(x + at);
      if (bias) value += load<f32>(bias + at);
      store<f32>(x + at, min<f32>(max<f32>(value, low), high));
    }
  }
}

/** out[i] = e^x[i], within 2 units in the last place; 0 and infinity beyond float32, NaN stays. */
export function exp(x: usize, out: usize, size: i32): void {
  const bytes: usize = (<usize>size) << 2;
  let at: usize = 0;
  for (; at + 16 <= bytes; at += 16) v128.store(out + at, exp4(v128.load(x + at)));
  for (; at < bytes; at += 4) store<f32>(out + at, f32x4.extract_lane(exp4(v128.load32_splat(x + at)), 0));
}

/**
 * x = n ln 2 + r with |r| <= ln(2) / 2; e^r is its Taylor series to degree 7, whose rest is below 6e-9. ln 2 is split in
 * two, so that n times its high part is exact, and 2^n in two, since n may lie beyond the exponents of float32.
 */
function exp4(value: v128): v128 {
  const x = f32x4.max(f32x4.min(value, f32x4.splat(89)), f32x4.splat(-104));
  const n = f32x4.nearest(f32x4.mul(x, f32x4.splat(<f32>Math.LOG2E)));
  const high = f32x4.sub(x, f32x4.mul(n, f32x4.splat(0.693359375)));
  const r = f32x4.sub(high, f32x4.mul(n, f32x4.splat(-2.1219444e-4)));
  let p = f32x4.add(f32x4.splat(1.0 / 720), f32x4.mul(r, f32x4.splat(1.0 / 5040)));
  p = f32x4.add(f32x4.splat(1.0 / 120), f32x4.mul(r, p));
  p = f32x4.add(f32x4.splat(1.0 / 24), f32x4.mul(r, p));
  p = f32x4.add(f32x4.splat(1.0 / 6), f32x4.mul(r, p));
  p = f32x4.add(f32x4.splat(0.5), f32x4.mul(r, p));
  p = f32x4.add(f32x4.splat(1), f32x4.add(r, f32x4.mul(f32x4.mul(r, r), p)));
  const exponent = i32x4.trunc_sat_f32x4_s(n);
  const half = i32x4.shr_s(exponent, 1);
  return f32x4.mul(f32x4.mul(p, powerOf2(half)), powerOf2(i32x4.sub(exponent, half)));
}

/** 2^n for n in [-126, 127], from its bits. */
function powerOf2(n: v128): v128 {
  return i32x4.shl(i32x4.add(n, i32x4.splat(127)), 23);
}
