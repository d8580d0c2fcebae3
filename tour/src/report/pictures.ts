/** Pictures from arrays. */
import type { Picture } from './blocks';

/** Gray values, as they are. */
export function grayPicture(data: Uint8Array, width: number, height: number): Picture {
  return { data, width, height, channels: 1 };
}

/** Class ids in the colours of a palette of `#rrggbb`. */
export function classPicture(
  ids: Uint8Array,
  width: number,
  height: number,
  palette: readonly string[],
): Picture {
  const colors = palette.map((color) => Number.parseInt(color.slice(1), 16));
  const data = new Uint8Array(3 * ids.length);
  for (const [pixel, id] of ids.entries()) {
    const color = colors[id] ?? 0;
    data[3 * pixel] = color >>> 16;
    data[3 * pixel + 1] = color >>> 8;
    data[3 * pixel + 2] = color;
  }
  return { data, width, height, channels: 3 };
}
