/** Rearranging matrices into the order in which `multiply` reads them. */
import { PANEL, STEP } from './block';

/**
 * Packs b[tap, k, column] into panels of 8 columns, [panel][taps * depth][8], the last one zero-padded. Strides are
 * in elements, so that transposed and sliced matrices are packed without a copy.
 */
export function pack(
  from: usize,
  to: usize,
  taps: i32,
  depth: i32,
  columns: i32,
  tapStride: i32,
  depthStride: i32,
  columnStride: i32,
): void {
  const panelBytes: usize = <usize>taps * <usize>depth * STEP;
  for (let column = 0; column < columns; column += PANEL, to += panelBytes) {
    const width = min(columns - column, PANEL);
    for (let tap = 0; tap < taps; tap++) {
      const source = from + ((<usize>tap * <usize>tapStride + <usize>column * <usize>columnStride) << 2);
      const target = to + <usize>tap * <usize>depth * STEP;
      if (width === PANEL && columnStride === 1) copyRows(source, target, depth, depthStride);
      else if (width === PANEL && depthStride === 1) transposePanel(source, target, depth, columnStride);
      else gather(source, target, depth, width, depthStride, columnStride);
    }
  }
}

/** Eight adjacent columns of each of `depth` rows. */
function copyRows(from: usize, to: usize, depth: i32, stride: i32): void {
  const bytes: usize = (<usize>stride) << 2;
  for (let k = 0; k < depth; k++, from += bytes, to += STEP) {
    v128.store(to, v128.load(from));
    v128.store(to, v128.load(from, 16), 16);
  }
}

/** Eight columns that lie one after the other: [8][depth] becomes [depth][8]. */
function transposePanel(from: usize, to: usize, depth: i32, stride: i32): void {
  transpose(from, stride, to, PANEL, PANEL, depth);
}

function gather(from: usize, to: usize, depth: i32, width: i32, depthStride: i32, columnStride: i32): void {
  const depthBytes: usize = (<usize>depthStride) << 2;
  const columnBytes: usize = (<usize>columnStride) << 2;
  for (let k = 0; k < depth; k++, from += depthBytes, to += STEP) {
    let source = from;
    for (let column = 0; column < PANEL; column++, source += columnBytes) {
      store<f32>(to + ((<usize>column) << 2), column < width ? load<f32>(source) : 0);
    }
  }
}

/** to[column][row] = from[row][column]; strides in elements between rows of each. */
export function transpose(
  from: usize,
  fromStride: i32,
  to: usize,
  toStride: i32,
  rows: i32,
  columns: i32,
): void {
  const fromBytes: usize = (<usize>fromStride) << 2;
  const toBytes: usize = (<usize>toStride) << 2;
  let row = 0;
  for (; row + 4 <= rows; row += 4) {
    let source = from + <usize>row * fromBytes;
    let target = to + ((<usize>row) << 2);
    let column = 0;
    for (; column + 4 <= columns; column += 4, source += 16, target += toBytes << 2) {
      const a = v128.load(source);
      const b = v128.load(source + fromBytes);
      const c = v128.load(source + 2 * fromBytes);
      const d = v128.load(source + 3 * fromBytes);
      const ab0 = v128.shuffle<f32>(a, b, 0, 4, 1, 5);
      const ab1 = v128.shuffle<f32>(a, b, 2, 6, 3, 7);
      const cd0 = v128.shuffle<f32>(c, d, 0, 4, 1, 5);
      const cd1 = v128.shuffle<f32>(c, d, 2, 6, 3, 7);
      v128.store(target, v128.shuffle<f32>(ab0, cd0, 0, 1, 4, 5));
      v128.store(target + toBytes, v128.shuffle<f32>(ab0, cd0, 2, 3, 6, 7));
      v128.store(target + 2 * toBytes, v128.shuffle<f32>(ab1, cd1, 0, 1, 4, 5));
      v128.store(target + 3 * toBytes, v128.shuffle<f32>(ab1, cd1, 2, 3, 6, 7));
    }
    for (; column < columns; column++, source += 4, target += toBytes) {
      store<f32>(target, load<f32>(source));
      store<f32>(target, load<f32>(source + fromBytes), 4);
      store<f32>(target, load<f32>(source + 2 * fromBytes), 8);
      store<f32>(target, load<f32>(source + 3 * fromBytes), 12);
    }
  }
  for (; row < rows; row++) {
    let source = from + <usize>row * fromBytes;
    let target = to + ((<usize>row) << 2);
    for (let column = 0; column < columns; column++, source += 4, target += toBytes) {
      store<f32>(target, load<f32>(source));
    }
  }
}
