/**
 * Maxima of the bins of many regions that overlap, values alone. Per block of 32 channels the map is laid out once, in keys
 * that are ordered as integers, and beside it the maxima of all runs of so many rows: a taller bin reads those, of which
 * the last two may overlap (one level of a sparse table; more levels would leave the nearer caches).
 *
 * `edges` and `plan` are those of `binMax`.
 */
import { edgeBytes, planBytes } from './binMax';

/** 32 channels. */
const block: usize = 128;
/** Below all keys, and the key of no number. */
const empty: i32 = i32.MIN_VALUE;

/** The table holds a block for every cell, two if `run` exceeds 1, a power of two; `keys` one for every bin of a region. */
export function keyMax(
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
  run: i32,
  out: usize,
  table: usize,
  keys: usize,
): void {
  const cells = images * depth * height * width;
  const layer = <usize>cells * block;
  for (let channel = 0; channel < channels; channel += 32) {
    const lanes = min(32, channels - channel);
    pack(x + ((<usize>channel) << 2), cells, (<usize>channels) << 2, lanes, table);
    if (run > 1) runsOf(table, table + layer, images * depth, height, <usize>width * block, run);
    for (let region = 0; region < regions; region++) {
      const first = edges + <usize>(region * bins) * edgeBytes;
      for (let level: usize = 0; level < <usize>levels; level++) {
        const at = plan + level * planBytes;
        const offset = load<i32>(at);
        const count = load<i32>(at, 4) * load<i32>(at, 8) * load<i32>(at, 12);
        const nested = load<i32>(at, 16) >= 0;
        for (let bin = 0; bin < count; bin++) {
          const to = keys + <usize>(offset + bin) * block;
          if (nested) ofBins(at, bin, keys, to);
          else
            ofCells(
              table,
              layer,
              first + <usize>(offset + bin) * edgeBytes,
              images,
              depth,
              height,
              width,
              run,
              to,
            );
        }
      }
      const to = out + (<usize>(region * bins) * channels + channel) * 4;
      unpack(keys, bins, (<usize>channels) << 2, lanes, to);
    }
  }
}

/** A float32 as an integer that is ordered alike, a NaN above all; its own inverse but for the NaN. */
function turned(bits: v128): v128 {
  return v128.xor(bits, v128.and(i32x4.shr_s(bits, 31), i32x4.splat(0x7fffffff)));
}

/** The keys of `lanes` channels of every cell, in blocks of 32. */
function pack(x: usize, cells: i32, bytes: usize, lanes: i32, to: usize): void {
  const nan = i32x4.splat(0x7fc00000);
  const whole = lanes & ~3;
  for (let cell = 0; cell < cells; cell++, x += bytes, to += block) {
    let lane = 0;
    for (; lane < whole; lane += 4) {
      const at = (<usize>lane) << 2;
      const values = v128.load(x + at);
      v128.store(to + at, v128.bitselect(nan, turned(values), f32x4.ne(values, values)));
    }
    for (; lane < lanes; lane++) {
      const at = (<usize>lane) << 2;
      const values = f32x4.splat(load<f32>(x + at));
      const key = v128.bitselect(nan, turned(values), f32x4.ne(values, values));
      store<i32>(to + at, i32x4.extract_lane(key, 0));
    }
  }
}

/** Of keys back to values; what is empty gives 0. */
function unpack(keys: usize, bins: i32, bytes: usize, lanes: i32, to: usize): void {
  const none = i32x4.splat(empty);
  const whole = lanes & ~3;
  for (let bin = 0; bin < bins; bin++, keys += block, to += bytes) {
    let lane = 0;
    for (; lane < whole; lane += 4) {
      const at = (<usize>lane) << 2;
      const key = v128.load(keys + at);
      v128.store(to + at, v128.andnot(turned(key), i32x4.eq(key, none)));
    }
    for (; lane < lanes; lane++) {
      const at = (<usize>lane) << 2;
      const key = v128.load32_splat(keys + at);
      store<i32>(to + at, i32x4.extract_lane(v128.andnot(turned(key), i32x4.eq(key, none)), 0));
    }
  }
}

/** The maxima of `run` rows from every row on, by doubling: what is beyond the last whole run is not read. */
function runsOf(from: usize, to: usize, planes: i32, height: i32, rowBytes: usize, run: i32): void {
  const planeBytes = <usize>height * rowBytes;
  for (let half = 1; half < run; half <<= 1) {
    const ahead = <usize>half * rowBytes;
    const bytes = <usize>max(0, height - half) * rowBytes;
    for (let plane = 0; plane < planes; plane++) {
      const source = (half === 1 ? from : to) + <usize>plane * planeBytes;
      const target = to + <usize>plane * planeBytes;
      for (let at: usize = 0; at < bytes; at += 16) {
        v128.store(target + at, i32x4.max_s(v128.load(source + at), v128.load(source + at + ahead)));
      }
    }
  }
}

/** One bin of the map's cells. */
function ofCells(
  table: usize,
  layer: usize,
  edge: usize,
  images: i32,
  depth: i32,
  height: i32,
  width: i32,
  run: i32,
  to: usize,
): void {
  const image = load<i32>(edge);
  const d0 = load<i32>(edge, 4);
  const d1 = load<i32>(edge, 8);
  const h0 = load<i32>(edge, 12);
  const h1 = load<i32>(edge, 16);
  const w0 = load<i32>(edge, 20);
  const w1 = load<i32>(edge, 24);
  clear(to);
  if (<u32>image >= <u32>images || h0 >= h1 || w0 >= w1) return;
  const tall = run > 1 && h1 - h0 >= run;
  const length = tall ? run : 1;
  const rowBytes = <usize>width * block;
  for (let d = d0; d < d1; d++) {
    const start = (tall ? table + layer : table) + <usize>((image * depth + d) * height * width + w0) * block;
    const from = start + <usize>h0 * rowBytes;
    raise(
      to,
      from,
      start + <usize>(h1 - length) * rowBytes,
      <usize>length * rowBytes,
      <usize>(w1 - w0) * block,
    );
  }
}

/** One bin of a coarser level, of the bins of a finer one. */
function ofBins(plan: usize, bin: i32, keys: usize, to: usize): void {
  const rows = load<i32>(plan, 8);
  const columns = load<i32>(plan, 12);
  const finer = load<i32>(plan, 16);
  const fd = load<i32>(plan, 20);
  const fh = load<i32>(plan, 24);
  const fw = load<i32>(plan, 28);
  const d0 = (bin / (rows * columns)) * fd;
  const h0 = ((bin / columns) % rows) * fh;
  const w0 = (bin % columns) * fw;
  clear(to);
  const rowBytes = <usize>(columns * fw) * block;
  for (let d = d0; d < d0 + fd; d++) {
    const from = keys + <usize>(finer + (d * rows * fh + h0) * (columns * fw) + w0) * block;
    raise(to, from, from + <usize>(fh - 1) * rowBytes, rowBytes, <usize>fw * block);
  }
}

/** Raises the keys at `to` to those of `bytes` of blocks from `row` on, from every `step` on until `last`, which is read too. */
function raise(to: usize, row: usize, last: usize, step: usize, bytes: usize): void {
  let k0 = v128.load(to);
  let k1 = v128.load(to, 16);
  let k2 = v128.load(to, 32);
  let k3 = v128.load(to, 48);
  let k4 = v128.load(to, 64);
  let k5 = v128.load(to, 80);
  let k6 = v128.load(to, 96);
  let k7 = v128.load(to, 112);
  for (;;) {
    const end = row + bytes;
    for (let p = row; p < end; p += block) {
      k0 = i32x4.max_s(k0, v128.load(p));
      k1 = i32x4.max_s(k1, v128.load(p, 16));
      k2 = i32x4.max_s(k2, v128.load(p, 32));
      k3 = i32x4.max_s(k3, v128.load(p, 48));
      k4 = i32x4.max_s(k4, v128.load(p, 64));
      k5 = i32x4.max_s(k5, v128.load(p, 80));
      k6 = i32x4.max_s(k6, v128.load(p, 96));
      k7 = i32x4.max_s(k7, v128.load(p, 112));
    }
    if (row >= last) break;
    row = min(row + step, last);
  }
  v128.store(to, k0);
  v128.store(to, k1, 16);
  v128.store(to, k2, 32);
  v128.store(to, k3, 48);
  v128.store(to, k4, 64);
  v128.store(to, k5, 80);
  v128.store(to, k6, 96);
  v128.store(to, k7, 112);
}

function clear(to: usize): void {
  const none = i32x4.splat(empty);
  for (let at: usize = 0; at < block; at += 16) v128.store(to + at, none);
}
