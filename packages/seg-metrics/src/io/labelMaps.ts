/** From decoded images to label maps: palette indices or gray values, colours, panoptic ids. */
import { FormatError, OptionError, ValueError } from '@tfkit/core';
import type { PngImage } from './png';

/** A map of class ids with its size. */
export interface LabelMap {
  /** Sizes of the axes, last fastest. */
  readonly shape: readonly number[];
  readonly data:
    | Uint8Array
    | Uint16Array
    | Int16Array
    | Uint32Array
    | Int32Array
    | Float32Array
    | Float64Array;
  /** Step along each axis, where the file says; in the file's unit. */
  readonly spacing?: readonly number[];
  /** Voxel to world coordinates, 3 rows of 4, where the file says. */
  readonly affine?: readonly number[];
  /** Of `spacing`: millimetres, metres, micrometres, or not told. */
  readonly unit?: 'mm' | 'm' | 'um' | 'pixel';
}

/** Class ids by colour: `{ '128,64,128': 0 }`, or a list of [r, g, b] in class order. */
export type ColorPalette = Readonly<Record<string, number>> | readonly (readonly [number, number, number])[];

/**
 * Palette indices or gray values as class ids; colours through `palette`, an unknown one is an error.
 *
 * @throws FormatError if the input is malformed.
 */
export function labelsFromPng(image: PngImage, palette?: ColorPalette): LabelMap {
  const shape = [image.height, image.width];
  if (palette) return { shape, data: labelsFromColors(image, palette) };
  if (image.color === 'palette' || image.color === 'gray') return { shape, data: image.data };
  throw new FormatError(
    `labelsFromPng: image must have palette indices or gray values, got ${image.color}. Give the palette that turns colours into classes.`,
  );
}

function labelsFromColors(image: PngImage, palette: ColorPalette): Uint8Array | Uint16Array {
  const classes = new Map<number, number>();
  const entries = Array.isArray(palette)
    ? (palette as readonly (readonly number[])[]).map((rgb, label) => [rgb.join(), label] as const)
    : Object.entries(palette as Record<string, number>);
  for (const [key, label] of entries) {
    const rgb = key.split(',').map(Number);
    if (rgb.length !== 3 || !rgb.every((v) => Number.isInteger(v) && v >= 0 && v < 256)) {
      throw new OptionError(`labelsFromPng: palette must have colours 'r,g,b', got '${key}'.`);
    }
    if (!Number.isInteger(label) || label < 0 || label > 65535) {
      throw new OptionError(`labelsFromPng: palette must have class ids, got ${label}.`);
    }
    classes.set(rgb[0]! * 65536 + rgb[1]! * 256 + rgb[2]!, label);
  }
  const colors = rgbValues(image, 'labelsFromPng');
  const large = Math.max(0, ...classes.values()) > 255;
  const labels = new (large ? Uint16Array : Uint8Array)(colors.length);
  for (let i = 0; i < colors.length; i++) {
    const label = classes.get(colors[i]!);
    if (label === undefined) {
      const c = colors[i]!;
      const at = `row ${Math.floor(i / image.width)}, column ${i % image.width}`;
      throw new ValueError(
        `labelsFromPng: colours must be in the palette, got ${c >> 16},${(c >> 8) & 255},${c & 255} at ${at}.`,
      );
    }
    labels[i] = label;
  }
  return labels;
}

/** r * 65536 + g * 256 + b of each pixel. */
function rgbValues(image: PngImage, functionName: string): Uint32Array {
  const { data, channels, color, bitDepth, palette, width, height } = image;
  if (data.length !== width * height * channels) {
    throw new FormatError(
      `${functionName}: data must have ${width} x ${height} x ${channels} values, got ${data.length}.`,
    );
  }
  const values = new Uint32Array(width * height);
  if (bitDepth === 16 || color === 'gray-alpha') {
    throw new FormatError(`${functionName}: image must have 8-bit colours, got ${bitDepth}-bit ${color}.`);
  }
  for (let i = 0; i < values.length; i++) {
    if (color === 'gray') {
      values[i] = data[i]! * 0x10101;
    } else if (color === 'palette') {
      const k = 3 * data[i]!;
      if (k + 2 >= palette!.length) {
        throw new FormatError(`${functionName}: image must have indices in its palette, got ${data[i]}.`);
      }
      values[i] = palette![k]! * 65536 + palette![k + 1]! * 256 + palette![k + 2]!;
    } else {
      const k = channels * i;
      values[i] = data[k]! * 65536 + data[k + 1]! * 256 + data[k + 2]!;
    }
  }
  return values;
}

/** COCO's panoptic segment ids: R + 256 G + 65536 B. */
export function panopticIds(image: PngImage): Uint32Array {
  const values = rgbValues(image, 'panopticIds');
  return values.map((c) => (c >> 16) + (c & 0xff00) + (c & 255) * 65536);
}
