/** The definitions as plain float64 loops, for every op and any number of axes; maps are [1, ...] of one image each. */
import { adaptiveBins } from '../src/index';

export type Map3 = readonly [depth: number, height: number, width: number, channels: number];

/** Pools of bins of a map [depth, height, width, channels], cells given by a list of [start, end) along each axis. */
export function poolBins(
  x: ArrayLike<number>,
  [, height, width, channels]: Map3,
  axes: readonly (readonly { start: number; end: number }[])[],
  mode: 'max' | 'avg',
): number[] {
  const out: number[] = [];
  for (const d of axes[0]!) {
    for (const h of axes[1]!) {
      for (const w of axes[2]!) {
        for (let c = 0; c < channels; c++) {
          const values: number[] = [];
          for (let i = d.start; i < d.end; i++) {
            for (let j = h.start; j < h.end; j++) {
              for (let k = w.start; k < w.end; k++)
                values.push(x[((i * height + j) * width + k) * channels + c]!);
            }
          }
          const sum = values.reduce((total, value) => total + value, 0);
          out.push(values.length === 0 ? 0 : mode === 'max' ? Math.max(...values) : sum / values.length);
        }
      }
    }
  }
  return out;
}

/** A pyramid's vector of each image of [images, depth, height, width, channels]. */
export function pyramid(
  x: ArrayLike<number>,
  images: number,
  shape: Map3,
  levels: readonly (readonly [number, number, number])[],
  mode: 'max' | 'avg',
): number[] {
  const size = shape[0] * shape[1] * shape[2] * shape[3];
  return Array.from({ length: images }, (_, n) => {
    const image = Array.from({ length: size }, (_, i) => x[n * size + i]!);
    return levels.flatMap((bins) =>
      poolBins(
        image,
        shape,
        bins.map((count, axis) => adaptiveBins(shape[axis as 0 | 1 | 2], count)),
        mode,
      ),
    );
  }).flat();
}

/** Maxima over k x k windows of [height, width, channels], the map ending at its edges. */
export function slidingMax(
  x: ArrayLike<number>,
  height: number,
  width: number,
  channels: number,
  k: number,
): number[] {
  const r = (k - 1) / 2;
  const around = (i: number, size: number) => ({ start: Math.max(0, i - r), end: Math.min(size, i + r + 1) });
  return Array.from({ length: height * width }, (_, cell) =>
    poolBins(
      x,
      [1, height, width, channels],
      [[{ start: 0, end: 1 }], [around(Math.floor(cell / width), height)], [around(cell % width, width)]],
      'max',
    ),
  ).flat();
}

export interface AlignCase {
  readonly bins: readonly [number, number];
  readonly scale: number;
  readonly ratio: number;
  readonly aligned: boolean;
}

/** RoIAlign of one box (x1, y1, x2, y2) on [height, width, channels], sample by sample. */
export function roiAlign(
  x: ArrayLike<number>,
  [height, width, channels]: readonly [number, number, number],
  box: readonly number[],
  { bins, scale, ratio, aligned }: AlignCase,
): number[] {
  const offset = aligned ? 0.5 : 0;
  const axis = (low: number, high: number, n: number) => {
    const length = aligned ? (high - low) * scale : Math.max((high - low) * scale, 1);
    return {
      start: low * scale - offset,
      bin: length / n,
      samples: ratio > 0 ? ratio : Math.ceil(length / n),
    };
  };
  const ys = axis(box[1]!, box[3]!, bins[0]);
  const xs = axis(box[0]!, box[2]!, bins[1]);
  const at = (row: number, column: number, c: number) => x[(row * width + column) * channels + c]!;
  const out: number[] = [];
  for (let i = 0; i < bins[0]; i++) {
    for (let j = 0; j < bins[1]; j++) {
      for (let c = 0; c < channels; c++) {
        let sum = 0;
        for (let s = 0; s < ys.samples; s++) {
          for (let t = 0; t < xs.samples; t++) {
            const y = ys.start + (i + (s + 0.5) / ys.samples) * ys.bin;
            const u = xs.start + (j + (t + 0.5) / xs.samples) * xs.bin;
            if (y < -1 || y > height || u < -1 || u > width) continue;
            const [py, pu] = [Math.min(Math.max(y, 0), height - 1), Math.min(Math.max(u, 0), width - 1)];
            const [y0, u0] = [Math.floor(py), Math.floor(pu)];
            const [y1, u1] = [Math.min(y0 + 1, height - 1), Math.min(u0 + 1, width - 1)];
            const [fy, fu] = [py - y0, pu - u0];
            sum += (1 - fy) * ((1 - fu) * at(y0, u0, c) + fu * at(y0, u1, c));
            sum += fy * ((1 - fu) * at(y1, u0, c) + fu * at(y1, u1, c));
          }
        }
        out.push(sum / Math.max(1, ys.samples * xs.samples));
      }
    }
  }
  return out;
}
