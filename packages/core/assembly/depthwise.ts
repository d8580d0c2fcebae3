/**
 * The gradients of a depthwise convolution, NHWC. `q` counts output channels; with a channel multiplier above 1 the
 * caller spreads x over them (filter gradient), or sums the result over them (input gradient).
 */

/** dx[n, h, w, q] = sum over taps of dy * filter; scratch: 8 bytes a tap. */
export function depthwiseBackpropInput(
  dy: usize,
  n: i32,
  h: i32,
  w: i32,
  q: i32,
  filter: usize,
  kh: i32,
  kw: i32,
  dx: usize,
  oh: i32,
  ow: i32,
  sh: i32,
  sw: i32,
  dh: i32,
  dw: i32,
  top: i32,
  left: i32,
  scratch: usize,
): void {
  const bytes: usize = (<usize>q) << 2;
  for (let b = 0; b < n; b++) {
    for (let iy = 0; iy < h; iy++) {
      for (let ix = 0; ix < w; ix++, dx += bytes) {
        let end = scratch;
        for (let ky = 0; ky < kh; ky++) {
          const sy = iy + top - ky * dh;
          const oy = sy / sh;
          if (sy < 0 || oy >= oh || oy * sh !== sy) continue;
          for (let kx = 0; kx < kw; kx++) {
            const sx = ix + left - kx * dw;
            const ox = sx / sw;
            if (sx < 0 || ox >= ow || ox * sw !== sx) continue;
            store<u32>(end, <u32>(dy + <usize>((b * oh + oy) * ow + ox) * bytes));
            store<u32>(end, <u32>(filter + <usize>(ky * kw + kx) * bytes), 4);
            end += 8;
          }
        }
        sumOfProducts(scratch, end, dx, bytes);
      }
    }
  }
}

/** to[i] = sum over the pairs of pointers in the list of a[i] * b[i]. */
function sumOfProducts(list: usize, end: usize, to: usize, bytes: usize): void {
  let at: usize = 0;
  for (; at + 32 <= bytes; at += 32) {
    let low = f32x4.splat(0);
    let high = f32x4.splat(0);
    for (let pair = list; pair < end; pair += 8) {
      const a = <usize>load<u32>(pair) + at;
      const b = <usize>load<u32>(pair, 4) + at;
      low = f32x4.add(low, f32x4.mul(v128.load(a), v128.load(b)));
      high = f32x4.add(high, f32x4.mul(v128.load(a, 16), v128.load(b, 16)));
    }
    v128.store(to + at, low);
    v128.store(to + at, high, 16);
  }
  for (; at < bytes; at += 4) {
    let sum: f32 = 0;
    for (let pair = list; pair < end; pair += 8) {
      sum += load<f32>(<usize>load<u32>(pair) + at) * load<f32>(<usize>load<u32>(pair, 4) + at);
    }
    store<f32>(to + at, sum);
  }
}

/** dfilter[kh, kw, q] = sum over positions of x (spread over q) * dy. */
export function depthwiseBackpropFilter(
  x: usize,
  n: i32,
  h: i32,
  w: i32,
  q: i32,
  dy: usize,
  kh: i32,
  kw: i32,
  dfilter: usize,
  oh: i32,
  ow: i32,
  sh: i32,
  sw: i32,
  dh: i32,
  dw: i32,
  top: i32,
  left: i32,
): void {
  const bytes: usize = (<usize>q) << 2;
  memory.fill(dfilter, 0, <usize>(kh * kw) * bytes);
  for (let b = 0; b < n; b++) {
    for (let oy = 0; oy < oh; oy++) {
      for (let ky = 0; ky < kh; ky++) {
        const iy = oy * sh - top + ky * dh;
        if (<u32>iy >= <u32>h) continue;
        for (let kx = 0; kx < kw; kx++) {
          const shift = left - kx * dw;
          const first = shift > 0 ? (shift + sw - 1) / sw : 0;
          const last = w - 1 + shift;
          const count = min(ow, last < 0 ? 0 : last / sw + 1) - first;
          if (count <= 0) continue;
          addProducts(
            x + <usize>((b * h + iy) * w + first * sw - shift) * bytes,
            bytes * <usize>sw,
            dy + <usize>((b * oh + oy) * ow + first) * bytes,
            bytes,
            count,
            dfilter + <usize>(ky * kw + kx) * bytes,
          );
        }
      }
    }
  }
}

/** to[i] += sum over `count` positions of a[i] * b[i]. */
function addProducts(a: usize, aStep: usize, b: usize, bytes: usize, count: i32, to: usize): void {
  let at: usize = 0;
  for (; at + 32 <= bytes; at += 32) {
    let low = v128.load(to + at);
    let high = v128.load(to + at, 16);
    let p = a + at;
    let q = b + at;
    for (let i = 0; i < count; i++, p += aStep, q += bytes) {
      low = f32x4.add(low, f32x4.mul(v128.load(p), v128.load(q)));
      high = f32x4.add(high, f32x4.mul(v128.load(p, 16), v128.load(q, 16)));
    }
    v128.store(to + at, low);
    v128.store(to + at, high, 16);
  }
  for (; at < bytes; at += 4) {
    let sum = load<f32>(to + at);
    let p = a + at;
    let q = b + at;
    for (let i = 0; i < count; i++, p += aStep, q += bytes) sum += load<f32>(p) * load<f32>(q);
    store<f32>(to + at, sum);
  }
}

/** [size] to [size, times]: each value repeated. */
export function spread(from: usize, to: usize, size: i32, times: i32): void {
  for (let i = 0; i < size; i++, from += 4) {
    const value = load<f32>(from);
    for (let j = 0; j < times; j++, to += 4) store<f32>(to, value);
  }
}

/** [size, times] to [size]: sums of adjacent values. */
export function sumAdjacent(from: usize, to: usize, size: i32, times: i32): void {
  for (let i = 0; i < size; i++, to += 4) {
    let sum: f32 = 0;
    for (let j = 0; j < times; j++, from += 4) sum += load<f32>(from);
    store<f32>(to, sum);
  }
}
