/**
 * Maxima of bins of a map [N, D, H, W, C] and the cells they were found in, for regions of several levels of bins.
 *
 * A bin's edges are seven int32: image, depth from and to, row from and to, column from and to. `plan` lists the levels
 * in the order in which they can be computed, eight int32 each: first bin, bins along the three axes, first bin of the
 * finer level whose bins it is made of (-1: of the map's cells), and how many of them along each axis. So a level whose
 * bins nest in a finer one does not read the map again.
 */
import { wins, winsOne } from './select';

export const edgeBytes: usize = 28;
export const planBytes: usize = 32;

export function binMax(
  x: usize,
  edges: usize,
  plan: usize,
  levels: i32,
  regions: i32,
  bins: i32,
  images: i32,
  depth: i32,
  height: i32,
  width: i32,
  channels: i32,
  out: usize,
  found: usize,
): void {
  const imageBytes = (<usize>depth * height * width * channels) << 2;
  const bytes = (<usize>channels) << 2;
  for (let region = 0; region < regions; region++) {
    const first = region * bins;
    const regionOut = out + <usize>first * bytes;
    const regionFound = found + <usize>first * bytes;
    for (let level: usize = 0; level < <usize>levels; level++) {
      const at = plan + level * planBytes;
      const offset = load<i32>(at);
      const count = load<i32>(at, 4) * load<i32>(at, 8) * load<i32>(at, 12);
      const source = load<i32>(at, 16);
      for (let bin = 0; bin < count; bin++) {
        const to = <usize>(offset + bin) * bytes;
        if (source >= 0) {
          ofBins(at, bin, regionOut, regionFound, regionOut + to, regionFound + to, bytes);
          continue;
        }
        const edge = edges + <usize>(first + offset + bin) * edgeBytes;
        const image = load<i32>(edge);
        const known = <u32>image < <u32>images;
        const from = known ? x + <usize>image * imageBytes : x;
        ofCells(from, edge, known, height, width, bytes, regionOut + to, regionFound + to);
      }
    }
  }
}

/** One bin of the map; an empty one gives 0, found nowhere (-1). */
function ofCells(
  x: usize,
  edge: usize,
  known: bool,
  height: i32,
  width: i32,
  bytes: usize,
  out: usize,
  found: usize,
): void {
  const d0 = load<i32>(edge, 4);
  const d1 = load<i32>(edge, 8);
  const h0 = load<i32>(edge, 12);
  const h1 = load<i32>(edge, 16);
  const w0 = load<i32>(edge, 20);
  const w1 = load<i32>(edge, 24);
  if (!known || d0 >= d1 || h0 >= h1 || w0 >= w1) {
    memory.fill(out, 0, bytes);
    memory.fill(found, 0xff, bytes);
    return;
  }
  const start = (d0 * height + h0) * width + w0;
  memory.copy(out, x + <usize>start * bytes, bytes);
  const startLanes = i32x4.splat(start);
  let c: usize = 0;
  for (; c + 16 <= bytes; c += 16) v128.store(found + c, startLanes);
  for (; c < bytes; c += 4) store<i32>(found + c, start);
  for (let d = d0; d < d1; d++) {
    for (let h = h0; h < h1; h++) {
      const cell = (d * height + h) * width + w0;
      ofRow(x + <usize>cell * bytes, cell, w1 - w0, bytes, out, found);
    }
  }
}

/** A row of cells into a running maximum: the row fits the nearest cache, so blocks of channels may go over it in turn. */
function ofRow(x: usize, cell: i32, cells: i32, bytes: usize, out: usize, found: usize): void {
  const step = i32x4.splat(1);
  let c: usize = 0;
  for (; c + 64 <= bytes; c += 64) {
    let v0 = v128.load(out + c);
    let v1 = v128.load(out + c, 16);
    let v2 = v128.load(out + c, 32);
    let v3 = v128.load(out + c, 48);
    let i0 = v128.load(found + c);
    let i1 = v128.load(found + c, 16);
    let i2 = v128.load(found + c, 32);
    let i3 = v128.load(found + c, 48);
    let at = i32x4.splat(cell);
    let p = x + c;
    for (let w = 0; w < cells; w++, p += bytes) {
      const x0 = v128.load(p);
      const x1 = v128.load(p, 16);
      const x2 = v128.load(p, 32);
      const x3 = v128.load(p, 48);
      const m0 = wins(x0, v0);
      const m1 = wins(x1, v1);
      const m2 = wins(x2, v2);
      const m3 = wins(x3, v3);
      v0 = v128.bitselect(x0, v0, m0);
      v1 = v128.bitselect(x1, v1, m1);
      v2 = v128.bitselect(x2, v2, m2);
      v3 = v128.bitselect(x3, v3, m3);
      i0 = v128.bitselect(at, i0, m0);
      i1 = v128.bitselect(at, i1, m1);
      i2 = v128.bitselect(at, i2, m2);
      i3 = v128.bitselect(at, i3, m3);
      at = i32x4.add(at, step);
    }
    v128.store(out + c, v0);
    v128.store(out + c, v1, 16);
    v128.store(out + c, v2, 32);
    v128.store(out + c, v3, 48);
    v128.store(found + c, i0);
    v128.store(found + c, i1, 16);
    v128.store(found + c, i2, 32);
    v128.store(found + c, i3, 48);
  }
  for (; c + 16 <= bytes; c += 16) {
    let value = v128.load(out + c);
    let index = v128.load(found + c);
    let at = i32x4.splat(cell);
    let p = x + c;
    for (let w = 0; w < cells; w++, p += bytes) {
      const next = v128.load(p);
      const mask = wins(next, value);
      value = v128.bitselect(next, value, mask);
      index = v128.bitselect(at, index, mask);
      at = i32x4.add(at, step);
    }
    v128.store(out + c, value);
    v128.store(found + c, index);
  }
  for (; c < bytes; c += 4) {
    let value = load<f32>(out + c);
    let index = load<i32>(found + c);
    let p = x + c;
    for (let w = 0; w < cells; w++, p += bytes) {
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

/** One bin of a coarser level, of the bins of a finer one; of equal maxima that of the lowest cell. */
function ofBins(
  plan: usize,
  bin: i32,
  regionOut: usize,
  regionFound: usize,
  out: usize,
  found: usize,
  bytes: usize,
): void {
  const bh = load<i32>(plan, 8);
  const bw = load<i32>(plan, 12);
  const source = load<i32>(plan, 16);
  const fd = load<i32>(plan, 20);
  const fh = load<i32>(plan, 24);
  const fw = load<i32>(plan, 28);
  const d0 = (bin / (bh * bw)) * fd;
  const h0 = ((bin / bw) % bh) * fh;
  const w0 = (bin % bw) * fw;
  let first = true;
  for (let d = d0; d < d0 + fd; d++) {
    for (let h = h0; h < h0 + fh; h++) {
      for (let w = w0; w < w0 + fw; w++) {
        const from = <usize>(source + (d * bh * fh + h) * (bw * fw) + w) * bytes;
        if (first) {
          memory.copy(out, regionOut + from, bytes);
          memory.copy(found, regionFound + from, bytes);
          first = false;
        } else {
          mergeBin(regionOut + from, regionFound + from, out, found, bytes);
        }
      }
    }
  }
}

function mergeBin(value: usize, cell: usize, out: usize, found: usize, bytes: usize): void {
  const none = i32x4.splat(0);
  let c: usize = 0;
  for (; c + 16 <= bytes; c += 16) {
    const index = v128.load(cell + c);
    const next = v128.load(value + c);
    const best = v128.load(out + c);
    const bestIndex = v128.load(found + c);
    const bothNaN = v128.andnot(f32x4.ne(next, next), f32x4.eq(best, best));
    const equal = v128.or(f32x4.eq(next, best), bothNaN);
    const earlier = v128.and(equal, i32x4.lt_s(index, bestIndex));
    const better = v128.or(v128.or(wins(next, best), earlier), i32x4.lt_s(bestIndex, none));
    const mask = v128.and(better, i32x4.ge_s(index, none));
    v128.store(out + c, v128.bitselect(next, best, mask));
    v128.store(found + c, v128.bitselect(index, bestIndex, mask));
  }
  for (; c < bytes; c += 4) {
    const index = load<i32>(cell + c);
    if (index < 0) continue;
    const best = load<f32>(out + c);
    const next = load<f32>(value + c);
    const bestIndex = load<i32>(found + c);
    const equal = next === best || (F32.isNaN(next) && F32.isNaN(best));
    if (bestIndex < 0 || winsOne(next, best) || (equal && index < bestIndex)) {
      store<f32>(out + c, next);
      store<i32>(found + c, index);
    }
  }
}

/** dx = 0, then each dy [regions, bins, C] is added to the cell that its maximum came from; -1 goes nowhere. */
export function scatter(
  dy: usize,
  found: usize,
  images: usize,
  regions: i32,
  bins: i32,
  cells: i32,
  channels: i32,
  dx: usize,
  count: i32,
): void {
  const bytes = (<usize>channels) << 2;
  memory.fill(dx, 0, <usize>count * cells * bytes);
  for (let region = 0; region < regions; region++) {
    const image = load<i32>(images + ((<usize>region) << 2));
    if (<u32>image >= <u32>count) {
      dy += <usize>bins * bytes;
      found += <usize>bins * bytes;
      continue;
    }
    const to = dx + <usize>image * cells * bytes;
    for (let bin = 0; bin < bins; bin++, dy += bytes, found += bytes) {
      for (let c: usize = 0; c < bytes; c += 4) {
        const cell = load<i32>(found + c);
        if (<u32>cell >= <u32>cells) continue;
        const at = to + <usize>cell * bytes + c;
        store<f32>(at, load<f32>(at) + load<f32>(dy + c));
      }
    }
  }
}

/** The transpose of `scatter`: out [regions, bins, C] = x at the cells, 0 where there is none. */
export function gather(
  x: usize,
  found: usize,
  images: usize,
  regions: i32,
  bins: i32,
  cells: i32,
  channels: i32,
  out: usize,
  count: i32,
): void {
  const bytes = (<usize>channels) << 2;
  for (let region = 0; region < regions; region++) {
    const image = load<i32>(images + ((<usize>region) << 2));
    const known = <u32>image < <u32>count;
    const from = known ? x + <usize>image * cells * bytes : x;
    for (let bin = 0; bin < bins; bin++, out += bytes, found += bytes) {
      for (let c: usize = 0; c < bytes; c += 4) {
        const cell = load<i32>(found + c);
        const inside = known && <u32>cell < <u32>cells;
        store<f32>(out + c, inside ? load<f32>(from + <usize>cell * bytes + c) : 0);
      }
    }
  }
}
