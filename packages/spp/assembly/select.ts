/** A maximum and where it was found, four channels at once. The first of equal values stays; a NaN wins and stays. */

/** The lanes of `value` that replace those of `best`. */
export function wins(value: v128, best: v128): v128 {
  const unordered = v128.and(f32x4.ne(value, value), f32x4.eq(best, best));
  return v128.or(f32x4.gt(value, best), unordered);
}

export function winsOne(value: f32, best: f32): bool {
  return value > best || (F32.isNaN(value) && !F32.isNaN(best));
}
