/**
 * Inflating with a bound on the output: foreign files may claim, or hold, far more than they should. Node's zlib where it
 * is, DecompressionStream in browsers; the whole output is never larger than `limit` bytes.
 */
import { FormatError } from '@tfkit/core';

type Compression = 'deflate' | 'gzip';

interface Zlib {
  inflateSync(data: Uint8Array, options: { maxOutputLength: number }): Uint8Array;
  gunzipSync(data: Uint8Array, options: { maxOutputLength?: number; finishFlush?: number }): Uint8Array;
}

const nodeZlib = (): Zlib | undefined =>
  (
    globalThis as { process?: { getBuiltinModule?: (name: string) => Zlib | undefined } }
  ).process?.getBuiltinModule?.('node:zlib');

/** The decompressed bytes. Throws FormatError if the data are corrupt or give more than `limit` bytes. */
export async function inflate(
  data: Uint8Array,
  compression: Compression,
  limit: number,
  functionName: string,
): Promise<Uint8Array> {
  const zlib = nodeZlib();
  try {
    // zlib refuses a bound of 0.
    const options = { maxOutputLength: Math.max(limit, 1) };
    if (zlib) {
      return compression === 'gzip' ? zlib.gunzipSync(data, options) : zlib.inflateSync(data, options);
    }
    return await inflateStream(data, compression, limit);
  } catch (error) {
    const { code, message } = error as Error & { code?: string };
    if (code === 'ERR_BUFFER_TOO_LARGE') throw tooLarge(functionName, limit);
    throw new FormatError(`${functionName}: compressed data must be whole, got: ${message}.`);
  }
}

function tooLarge(functionName: string, limit: number): FormatError {
  return new FormatError(
    `${functionName}: decompressed data must have at most ${limit} bytes, got more. A decompression bomb, or a wrong header.`,
  );
}

/** The same through the platform's streams; exported for tests. */
export async function inflateStream(
  data: Uint8Array,
  compression: Compression,
  limit: number,
): Promise<Uint8Array> {
  const source = new Blob([data as Uint8Array<ArrayBuffer>]).stream();
  const reader = source.pipeThrough(new DecompressionStream(compression)).getReader();
  const chunks: Uint8Array[] = [];
  let length = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    length += value.length;
    if (length > limit) {
      await reader.cancel().catch(() => {});
      throw Object.assign(new Error('too large'), { code: 'ERR_BUFFER_TOO_LARGE' });
    }
    chunks.push(value);
  }
  const all = new Uint8Array(length);
  let at = 0;
  for (const chunk of chunks) {
    all.set(chunk, at);
    at += chunk.length;
  }
  return all;
}

/** The first bytes of gzipped data, to size the rest by: at least `length`, if there are so many. */
export async function gunzipStart(
  data: Uint8Array,
  length: number,
  functionName: string,
): Promise<Uint8Array> {
  try {
    const zlib = nodeZlib();
    // 4 KB inflate to 4 MB at most; Z_SYNC_FLUSH (2) lets the data end early.
    if (zlib) return zlib.gunzipSync(data.subarray(0, 4096), { finishFlush: 2 });
    const source = new Blob([data as Uint8Array<ArrayBuffer>]).stream();
    const reader = source.pipeThrough(new DecompressionStream('gzip')).getReader();
    let start = new Uint8Array(0);
    while (start.length < length) {
      const { done, value } = await reader.read();
      if (done) break;
      const longer = new Uint8Array(start.length + value.length);
      longer.set(start);
      longer.set(value, start.length);
      start = longer;
    }
    await reader.cancel().catch(() => {});
    return start;
  } catch (error) {
    throw new FormatError(
      `${functionName}: compressed data must be whole, got: ${(error as Error).message}.`,
    );
  }
}
