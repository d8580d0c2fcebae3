/**
 * COCO's polygon rasterizer, pixel for pixel as pycocotools: the outline is drawn on a grid five times finer, and where it
 * crosses the middle of a pixel column the mask toggles.
 */
import { checkNumber, FormatError } from '@tfkit/core';
import { type MaskSize, mergeRles, type Rle } from './rle';

/** The mask of a polygon of one or more parts [x0, y0, x1, y1, ...] in pixels, as run lengths; parts are joined. */
export function polygonToRle(parts: readonly (readonly number[])[], size: MaskSize): Rle {
  const rles = parts.map((part) => partToRle(part, size));
  if (rles.length === 0) return { size, counts: [size[0] * size[1]] };
  return mergeRles(rles, 'union');
}

const scale = 5;
/** Coordinates beyond this are no image's; the outline's length bounds the work. */
const farthest = 1e6;

function partToRle(part: readonly number[], [rows, columns]: MaskSize): Rle {
  if (part.length < 6 || part.length % 2 !== 0) {
    throw new FormatError(
      `polygonToRle: parts must have pairs of at least 3 points, got ${part.length} numbers.`,
    );
  }
  for (const value of part) checkNumber(['polygonToRle', 'parts'], value, { min: -farthest, max: farthest });
  const outline = drawOutline(part.map((value) => Math.trunc(scale * value + 0.5)));
  const toggles: number[] = [];
  for (let j = 1; j < outline.length; j++) {
    const [u, v] = outline[j]!;
    const [pu, pv] = outline[j - 1]!;
    if (u === pu) continue;
    const x = ((u < pu ? u : u - 1) + 0.5) / scale - 0.5;
    if (Math.floor(x) !== x || x < 0 || x > columns - 1) continue;
    const y = (Math.min(v, pv) + 0.5) / scale - 0.5;
    toggles.push(x * rows + Math.ceil(Math.min(Math.max(y, 0), rows)));
  }
  toggles.push(rows * columns);
  toggles.sort((a, b) => a - b);
  const counts = toggles.map((to, k) => to - (k === 0 ? 0 : toggles[k - 1]!));
  return { size: [rows, columns], counts: withoutEmptyRuns(counts) };
}

/** A run of nothing between two runs joins them; the first run may be empty. */
function withoutEmptyRuns(counts: readonly number[]): number[] {
  const kept: number[] = [];
  for (let i = 0; i < counts.length; i++) {
    if (counts[i]! > 0 || i === 0) kept.push(counts[i]!);
    else if (i + 1 < counts.length) kept[kept.length - 1]! += counts[++i]!;
  }
  return kept;
}

function drawOutline(points: readonly number[]): [number, number][] {
  const outline: [number, number][] = [];
  for (let i = 0; i < points.length; i += 2) {
    let [xs, ys] = [points[i]!, points[i + 1]!];
    let [xe, ye] = [points[(i + 2) % points.length]!, points[(i + 3) % points.length]!];
    const dx = Math.abs(xe - xs);
    const dy = Math.abs(ye - ys);
    const flip = (dx >= dy && xs > xe) || (dx < dy && ys > ye);
    if (flip) [xs, ys, xe, ye] = [xe, ye, xs, ys];
    const slope = dx >= dy ? (ye - ys) / dx : (xe - xs) / dy;
    const steps = Math.max(dx, dy);
    for (let d = 0; d <= steps; d++) {
      const t = flip ? steps - d : d;
      outline.push(
        dx >= dy
          ? [t + xs, Math.trunc(ys + (dx === 0 ? 0 : slope * t) + 0.5)]
          : [Math.trunc(xs + slope * t + 0.5), t + ys],
      );
    }
  }
  return outline;
}
