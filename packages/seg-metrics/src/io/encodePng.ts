import { OptionError, ShapeError } from '@tfkit/core';
import { crc32 } from './png';

/** What to write: gray or RGB samples, or palette indices with their RGB triples. */
export interface PngSource {
  readonly width: number;
  readonly height: number;
  /** [height, width] gray samples or palette indices, or [height, width, 3] RGB. */
  readonly data: Uint8Array;
  /** RGB triples; makes `data` indices. */
  readonly palette?: Uint8Array;
}

/**
 * The bytes of a PNG file of 8 bits a sample. Works in browsers and Node.
 *
 * @throws ShapeError if ranks or shapes disagree.
 */
export async function encodePng({ width, height, data, palette }: PngSource): Promise<Uint8Array> {
  const channels = data.length / (width * height);
  if (channels !== 1 && channels !== 3) {
    throw new ShapeError(
      `encodePng: data must have ${width} x ${height} x 1 or 3 samples, got ${data.length}.`,
    );
  }
  if (palette && (palette.length % 3 !== 0 || palette.length > 768 || channels === 3)) {
    throw new OptionError(`encodePng: palette must hold up to 256 RGB triples, got ${palette.length} bytes.`);
  }
  const header = new Uint8Array(13);
  const view = new DataView(header.buffer);
  view.setUint32(0, width);
  view.setUint32(4, height);
  header.set([8, palette ? 3 : channels === 3 ? 2 : 0], 8);
  const stride = width * channels;
  const raw = new Uint8Array(height * (stride + 1));
  for (let y = 0; y < height; y++) {
    raw.set(data.subarray(y * stride, (y + 1) * stride), y * (stride + 1) + 1);
  }
  const compressed = new Blob([raw]).stream().pipeThrough(new CompressionStream('deflate'));
  const body = new Uint8Array(await new Response(compressed).arrayBuffer());
  const parts = [
    Uint8Array.of(137, 80, 78, 71, 13, 10, 26, 10),
    chunk('IHDR', header),
    ...(palette ? [chunk('PLTE', palette)] : []),
    chunk('IDAT', body),
    chunk('IEND', new Uint8Array(0)),
  ];
  return new Uint8Array(await new Blob(parts as Uint8Array<ArrayBuffer>[]).arrayBuffer());
}

function chunk(type: string, body: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(body.length + 12);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, body.length);
  for (let i = 0; i < 4; i++) bytes[4 + i] = type.charCodeAt(i);
  bytes.set(body, 8);
  view.setUint32(8 + body.length, crc32(bytes.subarray(4, 8 + body.length)));
  return bytes;
}
