/** Sums over adjacent axes, read in the order of memory; tfjs' own transpose the input first. */

/** Rows that are summed before the sum joins the total, so that rounding grows with their number, not with all. */
const BLOCK: i32 = 64;

/** out[outer, inner] = scale * sum over r of x[outer, r, inner]. */
export function sumAxis(x: usize, out: usize, outer: i32, reduced: i32, inner: i32, scale: f32): void {
  const rowBytes: usize = (<usize>inner) << 2;
  for (let i = 0; i < outer; i++, x += <usize>reduced * rowBytes, out += rowBytes) {
    if (inner === 1) {
      store<f32>(out, scale * sumRow(x, reduced));
      continue;
    }
    memory.fill(out, 0, rowBytes);
    for (let from = 0; from < reduced; from += BLOCK) {
      addRows(x + <usize>from * rowBytes, out, min(reduced - from, BLOCK), rowBytes);
    }
    for (let at: usize = 0; at < rowBytes; at += 4) store<f32>(out + at, scale * load<f32>(out + at));
  }
}

/** out += the sum of `rows` rows. */
function addRows(x: usize, out: usize, rows: i32, rowBytes: usize): void {
  const end = x + <usize>rows * rowBytes;
  let at: usize = 0;
  for (; at + 64 <= rowBytes; at += 64) {
    let s0 = f32x4.splat(0);
    let s1 = f32x4.splat(0);
    let s2 = f32x4.splat(0);
    let s3 = f32x4.splat(0);
    for (let p = x + at; p < end; p += rowBytes) {
      s0 = f32x4.add(s0, v128.load(p));
      s1 = f32x4.add(s1, v128.load(p, 16));
      s2 = f32x4.add(s2, v128.load(p, 32));
      s3 = f32x4.add(s3, v128.load(p, 48));
    }
    v128.store(out + at, f32x4.add(v128.load(out + at), s0));
    v128.store(out + at, f32x4.add(v128.load(out + at, 16), s1), 16);
    v128.store(out + at, f32x4.add(v128.load(out + at, 32), s2), 32);
    v128.store(out + at, f32x4.add(v128.load(out + at, 48), s3), 48);
  }
  for (; at + 16 <= rowBytes; at += 16) {
    let sum = f32x4.splat(0);
    for (let p = x + at; p < end; p += rowBytes) sum = f32x4.add(sum, v128.load(p));
    v128.store(out + at, f32x4.add(v128.load(out + at), sum));
  }
  for (; at < rowBytes; at += 4) {
    let sum: f32 = 0;
    for (let p = x + at; p < end; p += rowBytes) sum += load<f32>(p);
    store<f32>(out + at, load<f32>(out + at) + sum);
  }
}

/** The sum of `size` floats in blocks of 16 x BLOCK. */
function sumRow(x: usize, size: i32): f32 {
  let total: f32 = 0;
  while (size >= 16) {
    let s0 = f32x4.splat(0);
    let s1 = f32x4.splat(0);
    let s2 = f32x4.splat(0);
    let s3 = f32x4.splat(0);
    for (let k = 0; k < BLOCK && size >= 16; k++, x += 64, size -= 16) {
      s0 = f32x4.add(s0, v128.load(x));
      s1 = f32x4.add(s1, v128.load(x, 16));
      s2 = f32x4.add(s2, v128.load(x, 32));
      s3 = f32x4.add(s3, v128.load(x, 48));
    }
    const sum = f32x4.add(f32x4.add(s0, s1), f32x4.add(s2, s3));
    total +=
      f32x4.extract_lane(sum, 0) +
      f32x4.extract_lane(sum, 1) +
      (f32x4.extract_lane(sum, 2) + f32x4.extract_lane(sum, 3));
  }
  for (; size > 0; size--, x += 4) total += load<f32>(x);
  return total;
}
