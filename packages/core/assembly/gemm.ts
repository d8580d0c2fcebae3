import { multiply, STEP } from './block';

/** Rows of `a` that are kept together: their pointers, and mostly their values, stay in the caches. */
export const TILE: i32 = 64;

/** Bytes of scratch for `gemm`. */
export function gemmScratch(): usize {
  return ((<usize>TILE) << 3) + 16;
}

/** out[rows, columns] = a[rows, depth] * b, where b was packed with one tap. */
export function gemm(
  a: usize,
  panels: usize,
  out: usize,
  rows: i32,
  depth: i32,
  columns: i32,
  scratch: usize,
): void {
  const table = scratch + 16;
  const outputs = table + ((<usize>TILE) << 2);
  store<u32>(scratch, 0);
  const aBytes: usize = (<usize>depth) << 2;
  const outBytes: usize = (<usize>columns) << 2;
  for (let row = 0; row < rows; row += TILE) {
    const count = min(TILE, rows - row);
    for (let i = 0; i < TILE; i++) {
      const at: usize = (<usize>i) << 2;
      store<u32>(table + at, i < count ? <u32>(a + <usize>(row + i) * aBytes) : 0);
      store<u32>(outputs + at, <u32>(out + <usize>(row + i) * outBytes));
    }
    // A block of four rows at the end repeats a valid row: its result is not stored.
    for (let i = count; i < ((count + 3) & ~3); i++) store<u32>(table + ((<usize>i) << 2), load<u32>(table));
    multiply(table, count, 1, depth, panels, <usize>depth * STEP, scratch, outputs, columns, 0, 0);
  }
}
