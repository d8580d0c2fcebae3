/**
 * Maxima over a k x k window around every cell of [N, H, W, C], the map ending at its edges: first along rows into
 * scratch, then along columns. Of equal maxima the first in row-major order stays: the first row, in it the first column.
 */
import { wins, winsOne } from './select';

export function slidingMax(
  x: usize,
  count: i32,
  height: i32,
  width: i32,
  channels: i32,
  radius: i32,
  out: usize,
  found: usize,
  scratch: usize,
): void {
  const bytes = (<usize>channels) << 2;
  const rowBytes = <usize>width * bytes;
  const imageBytes = <usize>height * rowBytes;
  const scratchFound = scratch + imageBytes;
  for (let n = 0; n < count; n++, x += imageBytes, out += imageBytes, found += imageBytes) {
    for (let h = 0; h < height; h++) {
      for (let w = 0; w < width; w++) {
        const from = max(0, w - radius);
        const to = min(width - 1, w + radius);
        const cell = h * width + from;
        const at = <usize>(h * width + w) * bytes;
        alongRow(x + <usize>cell * bytes, cell, to - from + 1, bytes, scratch + at, scratchFound + at);
      }
    }
    for (let h = 0; h < height; h++) {
      const from = max(0, h - radius);
      const to = min(height - 1, h + radius);
      const start = <usize>from * rowBytes;
      const at = <usize>h * rowBytes;
      alongColumn(scratch + start, scratchFound + start, to - from + 1, rowBytes, out + at, found + at);
    }
  }
}

function alongRow(x: usize, cell: i32, cells: i32, bytes: usize, out: usize, found: usize): void {
  const step = i32x4.splat(1);
  let c: usize = 0;
  for (; c + 16 <= bytes; c += 16) {
    let p = x + c;
    let value = v128.load(p);
    let at = i32x4.splat(cell);
    let index = at;
    for (let w = 1; w < cells; w++) {
      p += bytes;
      at = i32x4.add(at, step);
      const next = v128.load(p);
      const mask = wins(next, value);
      value = v128.bitselect(next, value, mask);
      index = v128.bitselect(at, index, mask);
    }
    v128.store(out + c, value);
    v128.store(found + c, index);
  }
  for (; c < bytes; c += 4) {
    let p = x + c;
    let value = load<f32>(p);
    let index = cell;
    for (let w = 1; w < cells; w++) {
      p += bytes;
      const next = load<f32>(p);
      if (winsOne(next, value)) {
        value = next;
        index = cell + w;
      }
    }
    store<f32>(out + c, value);
    store<i32>(found + c, index);
  }
}

/** A whole row of outputs: `rows` rows of values and of cells, one below the other. */
function alongColumn(x: usize, cells: usize, rows: i32, rowBytes: usize, out: usize, found: usize): void {
  let c: usize = 0;
  for (; c + 16 <= rowBytes; c += 16) {
    let p: usize = c;
    let value = v128.load(x + p);
    let index = v128.load(cells + p);
    for (let h = 1; h < rows; h++) {
      p += rowBytes;
      const next = v128.load(x + p);
      const mask = wins(next, value);
      value = v128.bitselect(next, value, mask);
      index = v128.bitselect(v128.load(cells + p), index, mask);
    }
    v128.store(out + c, value);
    v128.store(found + c, index);
  }
  for (; c < rowBytes; c += 4) {
    let p: usize = c;
    let value = load<f32>(x + p);
    let index = load<i32>(cells + p);
    for (let h = 1; h < rows; h++) {
      p += rowBytes;
      const next = load<f32>(x + p);
      if (winsOne(next, value)) {
        value = next;
        index = load<i32>(cells + p);
      }
    }
    store<f32>(out + c, value);
    store<i32>(found + c, index);
  }
}
