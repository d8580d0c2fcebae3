/** The surface of a mask: edge pixels, or surface elements between pixels (marching squares and cubes). */
import { stridesOf } from '@tfkit/core';
import type { Mask } from './distanceTransform';

/** Whether outside the map is background (a mask that touches the border has edge there) or foreground. */
export type Border = 'counts' | 'ignored';

/** Points of a surface with their sizes (1 a pixel; length or area of an element), on a grid of `shape`. */
export interface Surface {
  readonly points: Uint8Array;
  readonly sizes: Float64Array | undefined;
  readonly shape: readonly number[];
}

/** Set pixels of the mask with a neighbour along an axis (4 in 2-D, 6 in 3-D) that is not set. Uint8Array of `shape`. */
export function edgePixels(mask: Mask, shape: readonly number[], border: Border = 'counts'): Uint8Array {
  const edges = new Uint8Array(mask.length);
  const strides = stridesOf(shape);
  const outside = border === 'counts' ? 1 : 0;
  // Line by line along the last axis: where a line lies in the other axes is the same for all its pixels.
  const columns = shape.at(-1)!;
  for (let start = 0; start < mask.length; start += columns) {
    const neighbours: number[] = [];
    let atBorder = false;
    for (let axis = 0; axis < shape.length - 1; axis++) {
      const at = Math.floor(start / strides[axis]!) % shape[axis]!;
      if (at > 0) neighbours.push(-strides[axis]!);
      if (at < shape[axis]! - 1) neighbours.push(strides[axis]!);
      atBorder ||= at === 0 || at === shape[axis]! - 1;
    }
    edgeLine(mask, edges, start, start + columns, neighbours, outside, atBorder);
  }
  return edges;
}

function edgeLine(
  mask: Mask,
  edges: Uint8Array,
  start: number,
  end: number,
  neighbours: readonly number[],
  outside: number,
  atBorder: boolean,
): void {
  const lineIsEdge = atBorder && outside === 1;
  for (let i = start; i < end; i++) {
    if (!mask[i]) continue;
    const before = i === start ? outside : !mask[i - 1];
    const after = i === end - 1 ? outside : !mask[i + 1];
    if (lineIsEdge || before || after) {
      edges[i] = 1;
      continue;
    }
    for (let k = 0; k < neighbours.length; k++) {
      if (!mask[i + neighbours[k]!]) {
        edges[i] = 1;
        break;
      }
    }
  }
}

/**
 * Areas of the surface inside a 2x2x2 neighbourhood, for codes 1 .. 127 (the complement has the same): '1' '2' '3' = a
 * corner cut of that many units (1,1,1), 'a' 'b' 'c' = a plane across two axes (2,2,0) (2,0,2) (0,2,2), 'x' 'y' 'z' = a
 * plane across one axis (4,0,0) (0,4,0) (0,0,4); normals in eighths. After the table of surface-distance (Google
 * DeepMind, Apache-2.0), whose normals these sum up.
 */
const cubeCodes =
  '1,1,aa,1,bb,11,12x,1,11,bb,12x,aa,12x,12x,xx,1,cc,11,12y,11,12z,111,1122,11,1cc,1bb,13bc,1aa,13ac,112x,12x,1,11,cc,12y,11,1bb,1cc,13bc,11,111,12z,1122,1aa,112x,13ac,12x,aa,12y,12y,yy,1aa,13ab,112y,12y,1aa,112y,13ab,12y,aaaa,1aa,1aa,aa,1,11,11,1aa,cc,12z,1cc,13ac,11,111,1bb,112x,12y,1122,13bc,12x,bb,12z,1bb,13ab,12z,zz,112z,12z,1bb,112z,bbbb,1bb,13ab,12z,1bb,bb,11,111,1cc,112y,1cc,112z,cccc,1cc,111,1111,112z,111,112y,111,1cc,11,12x,1122,13bc,12y,13ac,12z,1cc,cc,112x,111,1bb,11,1aa,11,11,1';

/** The size of a surface element by its neighbour code. */
function elementSizes(spacing: readonly number[]): Float64Array {
  if (spacing.length === 2) {
    const [s0, s1] = spacing as [number, number];
    const cut = 0.5 * Math.hypot(s0, s1);
    const kinds = { c: cut, d: 2 * cut, h: s1, v: s0, '-': 0 };
    return Float64Array.from('-cchcvdccdvchcc-', (kind) => kinds[kind as keyof typeof kinds]);
  }
  const [s0, s1, s2] = spacing as [number, number, number];
  const area = (n0: number, n1: number, n2: number) =>
    Math.hypot(n0 * s1 * s2, n1 * s0 * s2, n2 * s0 * s1) / 8;
  const kinds: Record<string, number> = {
    1: area(1, 1, 1),
    2: area(2, 2, 2),
    3: area(3, 3, 3),
    a: area(2, 2, 0),
    b: area(2, 0, 2),
    c: area(0, 2, 2),
    x: area(4, 0, 0),
    y: area(0, 4, 0),
    z: area(0, 0, 4),
  };
  const sizes = new Float64Array(256);
  cubeCodes.split(',').forEach((letters, i) => {
    const size = [...letters].reduce((sum, letter) => sum + kinds[letter]!, 0);
    sizes[i + 1] = size;
    sizes[254 - i] = size;
  });
  return sizes;
}

/** The surface elements of a mask, on the grid of pixel corners: one more along each axis. */
export function surfaceElements(
  mask: Mask,
  shape: readonly number[],
  spacing: readonly number[],
): Surface & { sizes: Float64Array } {
  const bySize = elementSizes(spacing);
  const cornerShape = shape.map((size) => size + 1);
  const points = new Uint8Array(cornerShape.reduce((a, b) => a * b, 1));
  const sizes = new Float64Array(points.length);
  const [planes, rows, columns] = (shape.length === 2 ? [0, ...shape] : shape) as [number, number, number];
  const isSet = (z: number, y: number, x: number) =>
    y >= 0 && y < rows && x >= 0 && x < columns && mask[(z * rows + y) * columns + x] ? 1 : 0;
  const square = (z: number, y: number, x: number) =>
    (isSet(z, y - 1, x - 1) << 3) | (isSet(z, y - 1, x) << 2) | (isSet(z, y, x - 1) << 1) | isSet(z, y, x);
  const full = bySize.length - 1;
  let corner = 0;
  for (let z = 0; z <= planes; z++) {
    for (let y = 0; y <= rows; y++) {
      for (let x = 0; x <= columns; x++, corner++) {
        const code =
          planes === 0
            ? square(0, y, x)
            : ((z > 0 ? square(z - 1, y, x) : 0) << 4) | (z < planes ? square(z, y, x) : 0);
        if (code === 0 || code === full) continue;
        points[corner] = 1;
        sizes[corner] = bySize[code]!;
      }
    }
  }
  return { points, sizes, shape: cornerShape };
}
