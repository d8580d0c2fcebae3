/**
 * The heart of every matrix kernel here: out[row, column] = sum over (tap, k) of a[row, tap, k] * b[tap, k, column],
 * in blocks of 4 rows by 8 columns that stay in registers. The loop is short on purpose: unrolled by 2 or 4, or with
 * four steps of a row loaded at once and spread by shuffles, it holds more than 16 registers and runs 1.3 times slower.
 *
 * The rows of `a` are given by pointers, one per (tap, row), so that one loop serves convolutions of any stride,
 * dilation and padding, their gradients, and plain matrix products (one tap). `b` is packed by `pack`: panels of 8
 * columns, each [taps * depth][8], zero-padded.
 */

/** Columns of a panel. */
export const PANEL: i32 = 8;
/** Bytes of one packed step: 8 floats. */
export const STEP: usize = 32;

function fma(sum: v128, a: v128, b: v128): v128 {
  return f32x4.add(sum, f32x4.mul(a, b));
}

/**
 * @param table row pointers, [taps][rowsPadded]; 0 is a row of zeros. rowsPadded = rows rounded up to 4
 * @param offsets byte offset into a panel, one per tap
 * @param outputs output pointers, one per row
 * @param panelBytes bytes from one panel to the next
 * @param zeros `depth` zeros, for the zero rows of a block that has others
 * @param accumulate 1 adds to the output, 0 overwrites it
 */
export function multiply(
  table: usize,
  rows: i32,
  taps: i32,
  depth: i32,
  panels: usize,
  panelBytes: usize,
  offsets: usize,
  outputs: usize,
  columns: i32,
  zeros: usize,
  accumulate: i32,
): void {
  const tapBytes: usize = (<usize>((rows + 3) & ~3)) << 2;
  for (let column = 0; column < columns; column += PANEL) {
    const width = min(columns - column, PANEL);
    for (let row = 0; row < rows; row += 4) {
      let c00 = f32x4.splat(0);
      let c01 = f32x4.splat(0);
      let c10 = f32x4.splat(0);
      let c11 = f32x4.splat(0);
      let c20 = f32x4.splat(0);
      let c21 = f32x4.splat(0);
      let c30 = f32x4.splat(0);
      let c31 = f32x4.splat(0);
      let pointers = table + ((<usize>row) << 2);
      for (let tap = 0; tap < taps; tap++, pointers += tapBytes) {
        let a0: usize = load<u32>(pointers);
        let a1: usize = load<u32>(pointers, 4);
        let a2: usize = load<u32>(pointers, 8);
        let a3: usize = load<u32>(pointers, 12);
        if ((a0 | a1 | a2 | a3) === 0) continue;
        a0 = a0 ? a0 : zeros;
        a1 = a1 ? a1 : zeros;
        a2 = a2 ? a2 : zeros;
        a3 = a3 ? a3 : zeros;
        let b = panels + <usize>load<u32>(offsets + ((<usize>tap) << 2));
        for (let k = depth; k > 0; k--) {
          const b0 = v128.load(b);
          const b1 = v128.load(b, 16);
          let a = v128.load32_splat(a0);
          c00 = fma(c00, a, b0);
          c01 = fma(c01, a, b1);
          a = v128.load32_splat(a1);
          c10 = fma(c10, a, b0);
          c11 = fma(c11, a, b1);
          a = v128.load32_splat(a2);
          c20 = fma(c20, a, b0);
          c21 = fma(c21, a, b1);
          a = v128.load32_splat(a3);
          c30 = fma(c30, a, b0);
          c31 = fma(c31, a, b1);
          a0 += 4;
          a1 += 4;
          a2 += 4;
          a3 += 4;
          b += STEP;
        }
      }
      const output = outputs + ((<usize>row) << 2);
      const from: usize = (<usize>column) << 2;
      const left = rows - row;
      store8(<usize>load<u32>(output) + from, c00, c01, width, accumulate);
      if (left > 1) store8(<usize>load<u32>(output, 4) + from, c10, c11, width, accumulate);
      if (left > 2) store8(<usize>load<u32>(output, 8) + from, c20, c21, width, accumulate);
      if (left > 3) store8(<usize>load<u32>(output, 12) + from, c30, c31, width, accumulate);
    }
    panels += panelBytes;
  }
}

/** Writes, or adds, the first `width` of 8 floats. */
function store8(to: usize, low: v128, high: v128, width: i32, accumulate: i32): void {
  if (width === 8) {
    if (accumulate) {
      low = f32x4.add(low, v128.load(to));
      high = f32x4.add(high, v128.load(to, 16));
    }
    v128.store(to, low);
    v128.store(to, high, 16);
    return;
  }
  if (width >= 4) {
    v128.store(to, accumulate ? f32x4.add(low, v128.load(to)) : low);
    low = high;
    width -= 4;
    to += 16;
  }
  for (; width > 0; width--, to += 4) {
    const value = f32x4.extract_lane(low, 0);
    store<f32>(to, accumulate ? value + load<f32>(to) : value);
    low = v128.shuffle<f32>(low, low, 1, 2, 3, 0);
  }
}
