/**
 * out[i] = reduction over ranks r = 0, 1, ... of slot r at [i], in rank order, so that the bits do not depend on which
 * rank computes them. Slots are `stride` bytes apart. Operations: 0 sum, 1 max, 2 min; sums of floats times `scale`.
 */

function combine<T>(op: i32, a: v128, b: v128): v128 {
  if (op === 0) return v128.add<T>(a, b);
  return op === 1 ? v128.max<T>(a, b) : v128.min<T>(a, b);
}

function vectors<T>(
  op: i32,
  out: usize,
  slots: usize,
  stride: usize,
  ranks: i32,
  bytes: usize,
  scale: f64,
): usize {
  const factor = isFloat<T>() ? v128.splat<T>(<T>scale) : i32x4.splat(0);
  let at: usize = 0;
  for (; at + 64 <= bytes; at += 64) {
    let from = slots + at;
    let s0 = v128.load(from);
    let s1 = v128.load(from, 16);
    let s2 = v128.load(from, 32);
    let s3 = v128.load(from, 48);
    for (let rank = 1; rank < ranks; rank++) {
      from += stride;
      s0 = combine<T>(op, s0, v128.load(from));
      s1 = combine<T>(op, s1, v128.load(from, 16));
      s2 = combine<T>(op, s2, v128.load(from, 32));
      s3 = combine<T>(op, s3, v128.load(from, 48));
    }
    if (isFloat<T>() && op === 0) {
      s0 = v128.mul<T>(s0, factor);
      s1 = v128.mul<T>(s1, factor);
      s2 = v128.mul<T>(s2, factor);
      s3 = v128.mul<T>(s3, factor);
    }
    v128.store(out + at, s0);
    v128.store(out + at, s1, 16);
    v128.store(out + at, s2, 32);
    v128.store(out + at, s3, 48);
  }
  return at;
}

function reduceAs<T>(
  op: i32,
  out: usize,
  slots: usize,
  stride: usize,
  ranks: i32,
  count: i32,
  scale: f64,
): void {
  const bytes: usize = <usize>count * sizeof<T>();
  let at = vectors<T>(op, out, slots, stride, ranks, bytes, scale);
  for (; at < bytes; at += sizeof<T>()) {
    let from = slots + at;
    let value = load<T>(from);
    for (let rank = 1; rank < ranks; rank++) {
      from += stride;
      const other = load<T>(from);
      if (op === 0) value = <T>(value + other);
      else if (isFloat<T>()) value = op === 1 ? max<T>(value, other) : min<T>(value, other);
      else if (op === 1 ? other > value : other < value) value = other;
    }
    if (isFloat<T>() && op === 0) value = <T>(value * <T>scale);
    store<T>(out + at, value);
  }
}

/** `reduceAs` by the code of an element type, its place in `src/arena/types.ts`. */
export function reduce(
  type: i32,
  op: i32,
  out: usize,
  slots: usize,
  stride: usize,
  ranks: i32,
  count: i32,
  scale: f64,
): void {
  if (type === 0) reduceAs<f32>(op, out, slots, stride, ranks, count, scale);
  else if (type === 1) reduceAs<f64>(op, out, slots, stride, ranks, count, scale);
  else if (type === 2) reduceAs<i32>(op, out, slots, stride, ranks, count, scale);
  else if (type === 3) reduceAs<u32>(op, out, slots, stride, ranks, count, scale);
  else if (type === 4) reduceAs<i16>(op, out, slots, stride, ranks, count, scale);
  else if (type === 5) reduceAs<u16>(op, out, slots, stride, ranks, count, scale);
  else if (type === 6) reduceAs<i8>(op, out, slots, stride, ranks, count, scale);
  else reduceAs<u8>(op, out, slots, stride, ranks, count, scale);
}
