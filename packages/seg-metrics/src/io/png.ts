/**
 * PNG as label maps need it: samples as they are stored. Palette indices stay indices, 16 bits stay 16, 1 to 4 bits are
 * unpacked one a pixel. (The decoders on npm expand palettes to colours, cut 16 bits to 8 or leave rows packed; a canvas
 * converts colours.) Source: Portable Network Graphics Specification, third edition, W3C 2025.
 */
import { FormatError, formatValue } from '@tfkit/core';
import { inflate } from './inflate';
import { type DecodeLimits, defaultMaxPixels } from './limits';

/** The colour types of PNG. */
export type PngColor = 'gray' | 'rgb' | 'palette' | 'gray-alpha' | 'rgba';

/** A decoded PNG whose samples are as they were stored. */
export interface PngImage {
  readonly width: number;
  readonly height: number;
  readonly color: PngColor;
  readonly bitDepth: 1 | 2 | 4 | 8 | 16;
  readonly channels: number;
  /** [height, width, channels], unscaled: the palette index, or the stored sample. */
  readonly data: Uint8Array | Uint16Array;
  /** RGB triples, if the file has a palette. */
  readonly palette?: Uint8Array;
}

const signature = [137, 80, 78, 71, 13, 10, 26, 10];
const colors: Record<number, { color: PngColor; channels: number; depths: readonly number[] }> = {
  0: { color: 'gray', channels: 1, depths: [1, 2, 4, 8, 16] },
  2: { color: 'rgb', channels: 3, depths: [8, 16] },
  3: { color: 'palette', channels: 1, depths: [1, 2, 4, 8] },
  4: { color: 'gray-alpha', channels: 2, depths: [8, 16] },
  6: { color: 'rgba', channels: 4, depths: [8, 16] },
};
/** First column and row, step in x and y, of the seven passes of Adam7. */
const adam7 = [
  [0, 0, 8, 8],
  [4, 0, 8, 8],
  [0, 4, 4, 8],
  [2, 0, 4, 4],
  [0, 2, 2, 4],
  [1, 0, 2, 2],
  [0, 1, 1, 2],
] as const;

const fault = (rule: string, got: unknown) =>
  new FormatError(`decodePng: file must ${rule}, got ${formatValue(got)}.`);

/** True if the bytes start as a PNG file. */
export const isPng = (bytes: Uint8Array): boolean => signature.every((byte, i) => bytes[i] === byte);

/**
 * The samples of a PNG file, unscaled. Checks CRCs; refuses what is truncated, corrupt or larger than `maxPixels`.
 * Works in browsers and Node. Throws FormatError.
 */
export async function decodePng(bytes: Uint8Array, limits: DecodeLimits = {}): Promise<PngImage> {
  if (!isPng(bytes)) throw fault('start with the PNG signature', [...bytes.subarray(0, 8)]);
  const { header, palette, data } = readChunks(bytes);
  const layout = readHeader(header, limits.maxPixels ?? defaultMaxPixels);
  if (layout.color === 'palette' && !palette) throw fault('have a palette', 'none');
  const passes = layout.interlaced ? adam7 : ([[0, 0, 1, 1]] as const);
  const expected = passes.reduce((sum, pass) => sum + passBytes(layout, pass), 0);
  const raw = await inflate(data, 'deflate', expected, 'decodePng');
  if (raw.length !== expected) throw fault(`hold ${expected} bytes of pixels`, raw.length);
  const { width, height, channels, bitDepth, color } = layout;
  const samples = new (bitDepth === 16 ? Uint16Array : Uint8Array)(width * height * channels);
  let at = 0;
  for (const pass of passes) at = readPass(raw, at, layout, pass, samples);
  return { width, height, color, bitDepth, channels, data: samples, palette };
}

interface Layout {
  readonly width: number;
  readonly height: number;
  readonly bitDepth: PngImage['bitDepth'];
  readonly color: PngColor;
  readonly channels: number;
  readonly interlaced: boolean;
}

type Pass = readonly [x0: number, y0: number, dx: number, dy: number];

function readChunks(bytes: Uint8Array) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const parts: Uint8Array[] = [];
  let header: Uint8Array | undefined;
  let palette: Uint8Array | undefined;
  for (let at = 8; ; ) {
    if (at + 12 > bytes.length) throw fault('end with an IEND chunk', `${bytes.length} bytes`);
    const length = view.getUint32(at);
    if (length > bytes.length - at - 12) throw fault('hold its chunks', `${length} bytes claimed at ${at}`);
    const type = String.fromCharCode(...bytes.subarray(at + 4, at + 8));
    const body = bytes.subarray(at + 8, at + 8 + length);
    if (crc32(bytes.subarray(at + 4, at + 8 + length)) !== view.getUint32(at + 8 + length)) {
      throw fault(`have the right checksum of chunk ${JSON.stringify(type)}`, `another at byte ${at}`);
    }
    if (!header && type !== 'IHDR') throw fault('have IHDR first', type);
    if (type === 'IHDR') header = body;
    else if (type === 'PLTE') palette = body;
    else if (type === 'IDAT') parts.push(body);
    else if (type === 'IEND') break;
    at += 12 + length;
  }
  const data = parts.length === 1 ? parts[0]! : concatenate(parts);
  return { header: header!, palette, data };
}

function concatenate(parts: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

function readHeader(header: Uint8Array, maxPixels: number): Layout {
  if (header.length !== 13) throw fault('have 13 bytes of IHDR', header.length);
  const view = new DataView(header.buffer, header.byteOffset, 13);
  const [width, height] = [view.getUint32(0), view.getUint32(4)];
  const [depth, type, compression, filter, interlace] = header.subarray(8);
  if (width === 0 || height === 0) throw fault('have a size', [width, height]);
  if (width * height > maxPixels) {
    throw new FormatError(
      `decodePng: file must have at most ${maxPixels} pixels, got ${width} x ${height}. Raise maxPixels if that is right.`,
    );
  }
  const kind = colors[type!];
  if (!kind?.depths.includes(depth!)) throw fault('have a known colour type and bit depth', [type, depth]);
  if (compression !== 0 || filter !== 0 || interlace! > 1) {
    throw fault('have known methods', [compression, filter, interlace]);
  }
  const { color, channels } = kind;
  return {
    width,
    height,
    bitDepth: depth as Layout['bitDepth'],
    color,
    channels,
    interlaced: interlace === 1,
  };
}

function passSize({ width, height }: Layout, [x0, y0, dx, dy]: Pass): [columns: number, rows: number] {
  return [Math.max(0, Math.ceil((width - x0) / dx)), Math.max(0, Math.ceil((height - y0) / dy))];
}

const rowBytes = ({ bitDepth, channels }: Layout, columns: number) =>
  Math.ceil((columns * channels * bitDepth) / 8);

function passBytes(layout: Layout, pass: Pass): number {
  const [columns, rows] = passSize(layout, pass);
  return columns === 0 ? 0 : rows * (1 + rowBytes(layout, columns));
}

function readPass(raw: Uint8Array, start: number, layout: Layout, pass: Pass, out: Uint8Array | Uint16Array) {
  const [columns, rows] = passSize(layout, pass);
  if (columns === 0) return start;
  const { bitDepth, channels, width } = layout;
  const bytes = rowBytes(layout, columns);
  const pixelBytes = Math.max(1, (channels * bitDepth) >> 3);
  const [x0, y0, dx, dy] = pass;
  let previous = new Uint8Array(bytes);
  let at = start;
  for (let r = 0; r < rows; r++) {
    const row = raw.subarray(at + 1, at + 1 + bytes);
    unfilter(raw[at]!, row, previous, pixelBytes);
    const target = (y0 + r * dy) * width;
    if (bitDepth === 8 && channels === 1 && dx === 1) {
      out.set(row, target);
    } else {
      for (let c = 0; c < columns; c++) {
        const pixel = (target + x0 + c * dx) * channels;
        for (let k = 0; k < channels; k++) out[pixel + k] = sampleAt(row, c * channels + k, bitDepth);
      }
    }
    previous = row as Uint8Array<ArrayBuffer>;
    at += 1 + bytes;
  }
  return at;
}

function sampleAt(row: Uint8Array, index: number, bitDepth: number): number {
  if (bitDepth === 8) return row[index]!;
  if (bitDepth === 16) return (row[2 * index]! << 8) | row[2 * index + 1]!;
  const bit = index * bitDepth;
  return (row[bit >> 3]! >> (8 - bitDepth - (bit & 7))) & ((1 << bitDepth) - 1);
}

function unfilter(filter: number, row: Uint8Array, up: Uint8Array, pixelBytes: number): void {
  switch (filter) {
    case 0:
      return;
    case 1:
      for (let i = pixelBytes; i < row.length; i++) row[i]! += row[i - pixelBytes]!;
      return;
    case 2:
      for (let i = 0; i < row.length; i++) row[i]! += up[i]!;
      return;
    case 3:
      for (let i = 0; i < row.length; i++) {
        row[i]! += ((i < pixelBytes ? 0 : row[i - pixelBytes]!) + up[i]!) >> 1;
      }
      return;
    case 4:
      for (let i = 0; i < row.length; i++) {
        const left = i < pixelBytes ? 0 : row[i - pixelBytes]!;
        const corner = i < pixelBytes ? 0 : up[i - pixelBytes]!;
        row[i]! += paeth(left, up[i]!, corner);
      }
      return;
    default:
      throw fault('have row filters 0 to 4', filter);
  }
}

function paeth(left: number, up: number, corner: number): number {
  const estimate = left + up - corner;
  const [a, b, c] = [Math.abs(estimate - left), Math.abs(estimate - up), Math.abs(estimate - corner)];
  return a <= b && a <= c ? left : b <= c ? up : corner;
}

const crcTable = Uint32Array.from({ length: 256 }, (_, n) => {
  let c = n;
  for (let k = 0; k < 8; k++) c = c & 1 ? 0xedb88320 ^ (c >>> 1) : c >>> 1;
  return c;
});

/** The checksum of a chunk's type and body. */
export function crc32(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (let i = 0; i < bytes.length; i++) crc = crcTable[(crc ^ bytes[i]!) & 255]! ^ (crc >>> 8);
  return (crc ^ 0xffffffff) >>> 0;
}
