/**
 * Two-dimensional convolution, NHWC, filter [kh, kw, inChannels, outChannels], and its two gradients, for any stride,
 * dilation and padding. Scratch is laid out by the caller: see `convScratch`.
 */
import { multiply, STEP } from './block';
import { TILE } from './gemm';
import { transpose } from './pack';

/** Output pixels (forward) whose products are summed in registers before the filter gradient is written. */
const CHUNK: i32 = 128;

/** Bytes of scratch for each of the three: tap offsets, output pointers, a row of zeros and the pointer table. */
export function convScratch(taps: i32, rows: i32, depth: i32): usize {
  return ((<usize>taps + <usize>((rows + 3) & ~3) * (<usize>taps + 1) + <usize>depth + 8) << 2) + 16;
}

/**
 * @param panels the filter packed with kh * kw taps, depth c, o columns
 * @param scratch convScratch(kh * kw, 64, c) bytes
 */
export function conv2d(
  x: usize,
  n: i32,
  h: i32,
  w: i32,
  c: i32,
  panels: usize,
  kh: i32,
  kw: i32,
  o: i32,
  out: usize,
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
  const taps = kh * kw;
  const offsets = scratch;
  const outputs = offsets + ((<usize>taps) << 2);
  const zeros = outputs + ((<usize>TILE) << 2);
  const table = zeros + ((<usize>c) << 2);
  memory.fill(zeros, 0, (<usize>c) << 2);
  for (let tap = 0; tap < taps; tap++) {
    store<u32>(offsets + ((<usize>tap) << 2), <u32>(<usize>tap * <usize>c * STEP));
  }
  const pixels = n * oh * ow;
  let b = 0;
  let oy = 0;
  let ox = 0;
  for (let pixel = 0; pixel < pixels; pixel += TILE) {
    const count = min(TILE, pixels - pixel);
    const rows = (count + 3) & ~3;
    for (let i = 0; i < rows; i++) {
      let slot = table + ((<usize>i) << 2);
      const inside = i < count;
      store<u32>(outputs + ((<usize>i) << 2), <u32>(out + ((<usize>(pixel + i) * <usize>o) << 2)));
      for (let ky = 0; ky < kh; ky++) {
        const iy = oy * sh - top + ky * dh;
        const rowInside = inside && <u32>iy < <u32>h;
        const line = (b * h + iy) * w;
        for (let kx = 0; kx < kw; kx++) {
          const ix = ox * sw - left + kx * dw;
          const pointer = x + ((<usize>(line + ix) * <usize>c) << 2);
          store<u32>(slot, rowInside && <u32>ix < <u32>w ? <u32>pointer : 0);
          slot += (<usize>rows) << 2;
        }
      }
      if (inside && ++ox === ow) {
        ox = 0;
        if (++oy === oh) {
          oy = 0;
          b++;
        }
      }
    }
    multiply(table, count, taps, c, panels, <usize>taps * <usize>c * STEP, offsets, outputs, o, zeros, 0);
  }
}

/**
 * The gradient to x: a convolution of dy with the transposed filter, in which the input pixels of one residue modulo
 * the stride meet the same taps.
 *
 * @param panels the filter packed with kh * kw taps, depth o, c columns
 * @param scratch convScratch(kh * kw, 64, o) bytes
 */
export function conv2dBackpropInput(
  dy: usize,
  n: i32,
  h: i32,
  w: i32,
  c: i32,
  panels: usize,
  kh: i32,
  kw: i32,
  o: i32,
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
  const allTaps = kh * kw;
  const offsets = scratch;
  const outputs = offsets + ((<usize>allTaps) << 2);
  const zeros = outputs + ((<usize>TILE) << 2);
  const table = zeros + ((<usize>o) << 2);
  const panelBytes: usize = <usize>allTaps * <usize>o * STEP;
  memory.fill(zeros, 0, (<usize>o) << 2);
  for (let y0 = 0; y0 < min(sh, h); y0++) {
    for (let x0 = 0; x0 < min(sw, w); x0++) {
      const rowsOfClass = (h - y0 + sh - 1) / sh;
      const columnsOfClass = (w - x0 + sw - 1) / sw;
      const pixels = n * rowsOfClass * columnsOfClass;
      let b = 0;
      let iy = y0;
      let ix = x0;
      for (let pixel = 0; pixel < pixels; pixel += TILE) {
        const count = min(TILE, pixels - pixel);
        const rows = (count + 3) & ~3;
        let taps = 0;
        for (let i = 0; i < rows; i++) {
          const inside = i < count;
          const at: usize = (<usize>i) << 2;
          store<u32>(outputs + at, <u32>(dx + ((<usize>((b * h + iy) * w + ix) * <usize>c) << 2)));
          taps = 0;
          for (let ky = 0; ky < kh; ky++) {
            const sy = iy + top - ky * dh;
            if (sy % sh !== 0) continue;
            const oy = sy / sh;
            const rowInside = inside && sy >= 0 && oy < oh;
            for (let kx = 0; kx < kw; kx++) {
              const sx = ix + left - kx * dw;
              if (sx % sw !== 0) continue;
              const ox = sx / sw;
              const pointer = dy + ((<usize>((b * oh + oy) * ow + ox) * <usize>o) << 2);
              const slot = table + ((<usize>taps * <usize>rows) << 2) + at;
              store<u32>(slot, rowInside && sx >= 0 && ox < ow ? <u32>pointer : 0);
              store<u32>(offsets + ((<usize>taps) << 2), <u32>(<usize>(ky * kw + kx) * <usize>o * STEP));
              taps++;
            }
          }
          if (inside) {
            ix += sw;
            if (ix >= w) {
              ix = x0;
              iy += sh;
              if (iy >= h) {
                iy = y0;
                b++;
              }
            }
          }
        }
        multiply(table, count, taps, o, panels, panelBytes, offsets, outputs, c, zeros, 0);
      }
    }
  }
}

/** Rows of the image, of `ow` outputs each, that one chunk of the filter gradient holds. */
function chunkRows(ow: i32): i32 {
  return max(1, CHUNK / ow);
}

/** Bytes of scratch for `conv2dBackpropFilter`. */
export function filterScratch(ow: i32, c: i32): usize {
  return convScratch(chunkRows(ow), c, 0);
}

/**
 * The gradient to the filter: dfilter[ky, kx] = x_shifted^T * dy, with the channels of x as rows.
 *
 * @param x transposed by `transposeImage`: [n * h][c][w ordered by residue modulo sw]
 * @param panels dy packed with one tap, depth n * oh * ow, o columns
 * @param scratch filterScratch(ow, c) bytes
 */
export function conv2dBackpropFilter(
  x: usize,
  n: i32,
  h: i32,
  w: i32,
  c: i32,
  panels: usize,
  kh: i32,
  kw: i32,
  o: i32,
  dfilter: usize,
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
  const lines = n * oh;
  const perChunk = chunkRows(ow);
  const rows = (c + 3) & ~3;
  const panelBytes: usize = <usize>lines * <usize>ow * STEP;
  const offsets = scratch;
  const outputs = offsets + ((<usize>perChunk) << 2);
  const table = outputs + ((<usize>rows) << 2);
  memory.fill(dfilter, 0, (<usize>(kh * kw) * <usize>c * <usize>o) << 2);
  for (let line = 0; line < lines; line += perChunk) {
    const lineEnd = min(lines, line + perChunk);
    for (let start = 0; start < ow; start += CHUNK) {
      const end = min(ow, start + CHUNK);
      for (let ky = 0; ky < kh; ky++) {
        for (let kx = 0; kx < kw; kx++) {
          const shift = left - kx * dw;
          const first = max(start, shift > 0 ? (shift + sw - 1) / sw : 0);
          const last = w - 1 + shift;
          const depth = min(end, last < 0 ? 0 : last / sw + 1) - first;
          if (depth <= 0) continue;
          const ix = first * sw - shift;
          const residue = ix % sw;
          const at = residueStart(w, sw, residue) + ix / sw;
          let taps = 0;
          for (let l = line; l < lineEnd; l++) {
            const b = l / oh;
            const iy = (l - b * oh) * sh - top + ky * dh;
            if (<u32>iy >= <u32>h) continue;
            const base = x + ((<usize>(b * h + iy) * <usize>c * <usize>w + <usize>at) << 2);
            const slot = table + ((<usize>taps * <usize>rows) << 2);
            for (let channel = 0; channel < rows; channel++) {
              // Rows beyond the last channel repeat it: their result is not stored.
              const pointer = base + ((<usize>min(channel, c - 1) * <usize>w) << 2);
              store<u32>(slot + ((<usize>channel) << 2), <u32>pointer);
            }
            store<u32>(offsets + ((<usize>taps) << 2), <u32>(<usize>(l * ow + first) * STEP));
            taps++;
          }
          if (taps === 0) continue;
          for (let channel = 0; channel < c; channel++) {
            const to = dfilter + ((<usize>((ky * kw + kx) * c + channel) * <usize>o) << 2);
            store<u32>(outputs + ((<usize>channel) << 2), <u32>to);
          }
          multiply(table, c, taps, depth, panels, panelBytes, offsets, outputs, o, 0, 1);
        }
      }
    }
  }
}

/** [lines][w][c] to [lines][c][w], the w positions ordered by their residue modulo `stride`. */
export function transposeImage(from: usize, to: usize, lines: i32, w: i32, c: i32, stride: i32): void {
  const bytes: usize = (<usize>w * <usize>c) << 2;
  for (let line = 0; line < lines; line++, from += bytes, to += bytes) {
    for (let residue = 0; residue < min(stride, w); residue++) {
      transpose(
        from + ((<usize>residue * <usize>c) << 2),
        stride * c,
        to + ((<usize>residueStart(w, stride, residue)) << 2),
        w,
        (w - residue + stride - 1) / stride,
        c,
      );
    }
  }
}

/** How many of w positions have a residue below the given one. */
function residueStart(w: i32, stride: i32, residue: i32): i32 {
  let start = 0;
  for (let r = 0; r < residue; r++) start += (w - r + stride - 1) / stride;
  return start;
}
