/**
 * Products of small blocks that stay in local variables: 16 sums of float64, added to float32 results. V8 keeps them
 * in registers; five times the speed of tfjs-backend-cpu.
 */

/** out[row r, column] += sum over k of a[a_r + k] * b[b0 + 4 k + column], for four rows and `width` <= 4 columns. */
export function addBlock(
  a: Float32Array,
  a0: number,
  a1: number,
  a2: number,
  a3: number,
  depth: number,
  b: Float32Array,
  b0: number,
  out: Float32Array,
  rows: Int32Array,
  row: number,
  column: number,
  width: number,
): void {
  let c00 = 0;
  let c01 = 0;
  let c02 = 0;
  let c03 = 0;
  let c10 = 0;
  let c11 = 0;
  let c12 = 0;
  let c13 = 0;
  let c20 = 0;
  let c21 = 0;
  let c22 = 0;
  let c23 = 0;
  let c30 = 0;
  let c31 = 0;
  let c32 = 0;
  let c33 = 0;
  for (let k = 0; k < depth; k++, b0 += 4) {
    const y0 = b[b0]!;
    const y1 = b[b0 + 1]!;
    const y2 = b[b0 + 2]!;
    const y3 = b[b0 + 3]!;
    let x = a[a0 + k]!;
    c00 += x * y0;
    c01 += x * y1;
    c02 += x * y2;
    c03 += x * y3;
    x = a[a1 + k]!;
    c10 += x * y0;
    c11 += x * y1;
    c12 += x * y2;
    c13 += x * y3;
    x = a[a2 + k]!;
    c20 += x * y0;
    c21 += x * y1;
    c22 += x * y2;
    c23 += x * y3;
    x = a[a3 + k]!;
    c30 += x * y0;
    c31 += x * y1;
    c32 += x * y2;
    c33 += x * y3;
  }
  addRow(out, rows[row]! + column, width, c00, c01, c02, c03);
  addRow(out, rows[row + 1]! + column, width, c10, c11, c12, c13);
  addRow(out, rows[row + 2]! + column, width, c20, c21, c22, c23);
  addRow(out, rows[row + 3]! + column, width, c30, c31, c32, c33);
}

function addRow(
  out: Float32Array,
  at: number,
  width: number,
  c0: number,
  c1: number,
  c2: number,
  c3: number,
): void {
  out[at]! += c0;
  if (width > 1) out[at + 1]! += c1;
  if (width > 2) out[at + 2]! += c2;
  if (width > 3) out[at + 3]! += c3;
}

/** The same for one row. */
function addSingle(
  a: Float32Array,
  a0: number,
  depth: number,
  b: Float32Array,
  b0: number,
  out: Float32Array,
  at: number,
  width: number,
): void {
  let c0 = 0;
  let c1 = 0;
  let c2 = 0;
  let c3 = 0;
  for (let k = 0; k < depth; k++, b0 += 4) {
    const x = a[a0 + k]!;
    c0 += x * b[b0]!;
    c1 += x * b[b0 + 1]!;
    c2 += x * b[b0 + 2]!;
    c3 += x * b[b0 + 3]!;
  }
  addRow(out, at, width, c0, c1, c2, c3);
}

/**
 * out[outRows[r] + column] += sum over k of a[aRows[r] + k] * b[k, column] for the first `count` rows; b is packed
 * (see `pack`), its panels `panelStep` apart and read from `from` on.
 */
export function addProduct(
  a: Float32Array,
  aRows: Int32Array,
  count: number,
  depth: number,
  b: Float32Array,
  from: number,
  panelStep: number,
  out: Float32Array,
  outRows: Int32Array,
  columns: number,
): void {
  let row = 0;
  for (; row + 4 <= count; row += 4) {
    const a0 = aRows[row]!;
    const a1 = aRows[row + 1]!;
    const a2 = aRows[row + 2]!;
    const a3 = aRows[row + 3]!;
    for (let column = 0, at = from; column < columns; column += 4, at += panelStep) {
      addBlock(a, a0, a1, a2, a3, depth, b, at, out, outRows, row, column, Math.min(4, columns - column));
    }
  }
  for (; row < count; row++) {
    for (let column = 0, at = from; column < columns; column += 4, at += panelStep) {
      addSingle(a, aRows[row]!, depth, b, at, out, outRows[row]! + column, Math.min(4, columns - column));
    }
  }
}

/** b[tap, k, column] as panels of 4 columns, [panel][taps * depth][4], zero-padded. Strides in elements. */
export function pack(
  b: Float32Array,
  taps: number,
  depth: number,
  columns: number,
  tapStride: number,
  depthStride: number,
  columnStride: number,
  offset = 0,
): Float32Array {
  const packed = new Float32Array(Math.ceil(columns / 4) * taps * depth * 4);
  for (let column = 0; column < columns; column++) {
    let to = (column >> 2) * taps * depth * 4 + (column & 3);
    for (let tap = 0; tap < taps; tap++) {
      let source = offset + tap * tapStride + column * columnStride;
      for (let k = 0; k < depth; k++, to += 4, source += depthStride) packed[to] = b[source]!;
    }
  }
  return packed;
}

/**
 * out[r, column] += sum over `count` positions p of a[a0 + p aStep + r] * b[b0 + p bStep + column], for `rows` rows and
 * `columns` columns: the outer products of a filter gradient.
 */
export function addOuterProducts(
  a: Float32Array,
  a0: number,
  aStep: number,
  rows: number,
  b: Float32Array,
  b0: number,
  bStep: number,
  columns: number,
  count: number,
  out: Float32Array,
  out0: number,
): void {
  const wholeRows = rows & ~3;
  const wholeColumns = columns & ~3;
  for (let row = 0; row < wholeRows; row += 4) {
    for (let column = 0; column < wholeColumns; column += 4) {
      addOuterBlock(
        a,
        a0 + row,
        aStep,
        b,
        b0 + column,
        bStep,
        count,
        out,
        out0 + row * columns + column,
        columns,
      );
    }
  }
  for (let row = 0; row < rows; row++) {
    for (let column = row < wholeRows ? wholeColumns : 0; column < columns; column++) {
      let sum = 0;
      let i = a0 + row;
      let j = b0 + column;
      for (let p = 0; p < count; p++, i += aStep, j += bStep) sum += a[i]! * b[j]!;
      out[out0 + row * columns + column]! += sum;
    }
  }
}

function addOuterBlock(
  a: Float32Array,
  a0: number,
  aStep: number,
  b: Float32Array,
  b0: number,
  bStep: number,
  count: number,
  out: Float32Array,
  at: number,
  outStep: number,
): void {
  let c00 = 0;
  let c01 = 0;
  let c02 = 0;
  let c03 = 0;
  let c10 = 0;
  let c11 = 0;
  let c12 = 0;
  let c13 = 0;
  let c20 = 0;
  let c21 = 0;
  let c22 = 0;
  let c23 = 0;
  let c30 = 0;
  let c31 = 0;
  let c32 = 0;
  let c33 = 0;
  for (let p = 0; p < count; p++, a0 += aStep, b0 += bStep) {
    const y0 = b[b0]!;
    const y1 = b[b0 + 1]!;
    const y2 = b[b0 + 2]!;
    const y3 = b[b0 + 3]!;
    let x = a[a0]!;
    c00 += x * y0;
    c01 += x * y1;
    c02 += x * y2;
    c03 += x * y3;
    x = a[a0 + 1]!;
    c10 += x * y0;
    c11 += x * y1;
    c12 += x * y2;
    c13 += x * y3;
    x = a[a0 + 2]!;
    c20 += x * y0;
    c21 += x * y1;
    c22 += x * y2;
    c23 += x * y3;
    x = a[a0 + 3]!;
    c30 += x * y0;
    c31 += x * y1;
    c32 += x * y2;
    c33 += x * y3;
  }
  addRow(out, at, 4, c00, c01, c02, c03);
  addRow(out, at + outStep, 4, c10, c11, c12, c13);
  addRow(out, at + 2 * outStep, 4, c20, c21, c22, c23);
  addRow(out, at + 3 * outStep, 4, c30, c31, c32, c33);
}
