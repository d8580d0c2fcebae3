/**
 * y[r, i, j] = sum over h, w of a[r, i, h] b[r, j, w] x[image[r], h, w], channel by channel, and its transpose. The
 * matrices are nearly empty (a bin's averages, an interpolation): only what is not zero is visited.
 */

/** The first and the last non-zero of a row of weights, as [from, to) in the two returned halves. */
function spanOf(row: usize, size: i32): u64 {
  let from = 0;
  while (from < size && load<f32>(row + ((<usize>from) << 2)) === 0) from++;
  let to = size;
  while (to > from && load<f32>(row + ((<usize>(to - 1)) << 2)) === 0) to--;
  return ((<u64>from) << 32) | <u64>to;
}

export function separable(
  x: usize,
  a: usize,
  aStride: i32,
  b: usize,
  bStride: i32,
  images: usize,
  regions: i32,
  rows: i32,
  columns: i32,
  count: i32,
  height: i32,
  width: i32,
  channels: i32,
  out: usize,
): void {
  const bytes = (<usize>channels) << 2;
  const imageBytes = <usize>height * width * bytes;
  for (let r = 0; r < regions; r++) {
    const image = load<i32>(images + ((<usize>r) << 2));
    const known = <u32>image < <u32>count;
    const from = known ? x + <usize>image * imageBytes : x;
    for (let i = 0; i < rows; i++) {
      const weightsA = a + ((<usize>r * aStride + i * height) << 2);
      const spanA = spanOf(weightsA, height);
      for (let j = 0; j < columns; j++, out += bytes) {
        const weightsB = b + ((<usize>r * bStride + j * width) << 2);
        const spanB = known ? spanOf(weightsB, width) : 0;
        gatherBin(
          from,
          weightsA,
          <i32>(spanA >> 32),
          <i32>spanA,
          weightsB,
          <i32>(spanB >> 32),
          <i32>spanB,
          width,
          bytes,
          out,
        );
      }
    }
  }
}

function gatherBin(
  x: usize,
  a: usize,
  h0: i32,
  h1: i32,
  b: usize,
  w0: i32,
  w1: i32,
  width: i32,
  bytes: usize,
  out: usize,
): void {
  let c: usize = 0;
  for (; c + 64 <= bytes; c += 64) {
    let s0 = f32x4.splat(0);
    let s1 = f32x4.splat(0);
    let s2 = f32x4.splat(0);
    let s3 = f32x4.splat(0);
    for (let h = h0; h < h1; h++) {
      const wa = load<f32>(a + ((<usize>h) << 2));
      let p = x + <usize>(h * width + w0) * bytes + c;
      for (let w = w0; w < w1; w++, p += bytes) {
        const product = wa * load<f32>(b + ((<usize>w) << 2));
        if (product === 0) continue;
        const weight = f32x4.splat(product);
        s0 = f32x4.add(s0, f32x4.mul(weight, v128.load(p)));
        s1 = f32x4.add(s1, f32x4.mul(weight, v128.load(p, 16)));
        s2 = f32x4.add(s2, f32x4.mul(weight, v128.load(p, 32)));
        s3 = f32x4.add(s3, f32x4.mul(weight, v128.load(p, 48)));
      }
    }
    v128.store(out + c, s0);
    v128.store(out + c, s1, 16);
    v128.store(out + c, s2, 32);
    v128.store(out + c, s3, 48);
  }
  for (; c < bytes; c += 4) {
    let sum: f32 = 0;
    for (let h = h0; h < h1; h++) {
      const wa = load<f32>(a + ((<usize>h) << 2));
      let p = x + <usize>(h * width + w0) * bytes + c;
      for (let w = w0; w < w1; w++, p += bytes) {
        const product = wa * load<f32>(b + ((<usize>w) << 2));
        if (product !== 0) sum += product * load<f32>(p);
      }
    }
    store<f32>(out + c, sum);
  }
}

/** dx[image[r], h, w] += a[r, i, h] b[r, j, w] dy[r, i, j], from 0. */
export function separableBackprop(
  dy: usize,
  a: usize,
  aStride: i32,
  b: usize,
  bStride: i32,
  images: usize,
  regions: i32,
  rows: i32,
  columns: i32,
  count: i32,
  height: i32,
  width: i32,
  channels: i32,
  dx: usize,
): void {
  const bytes = (<usize>channels) << 2;
  const imageBytes = <usize>height * width * bytes;
  memory.fill(dx, 0, <usize>count * imageBytes);
  for (let r = 0; r < regions; r++) {
    const image = load<i32>(images + ((<usize>r) << 2));
    if (<u32>image >= <u32>count) {
      dy += <usize>(rows * columns) * bytes;
      continue;
    }
    const to = dx + <usize>image * imageBytes;
    for (let i = 0; i < rows; i++) {
      const weightsA = a + ((<usize>r * aStride + i * height) << 2);
      const spanA = spanOf(weightsA, height);
      for (let j = 0; j < columns; j++, dy += bytes) {
        const weightsB = b + ((<usize>r * bStride + j * width) << 2);
        const spanB = spanOf(weightsB, width);
        for (let h = <i32>(spanA >> 32); h < <i32>spanA; h++) {
          const wa = load<f32>(weightsA + ((<usize>h) << 2));
          for (let w = <i32>(spanB >> 32); w < <i32>spanB; w++) {
            const product = wa * load<f32>(weightsB + ((<usize>w) << 2));
            if (product !== 0) addScaled(dy, product, to + <usize>(h * width + w) * bytes, bytes);
          }
        }
      }
    }
  }
}

function addScaled(from: usize, scale: f32, to: usize, bytes: usize): void {
  const weight = f32x4.splat(scale);
  let c: usize = 0;
  for (; c + 16 <= bytes; c += 16) {
    v128.store(to + c, f32x4.add(v128.load(to + c), f32x4.mul(weight, v128.load(from + c))));
  }
  for (; c < bytes; c += 4) store<f32>(to + c, load<f32>(to + c) + scale * load<f32>(from + c));
}
