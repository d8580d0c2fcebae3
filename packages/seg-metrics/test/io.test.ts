import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { deflateSync, gzipSync } from 'node:zlib';
import { isTfkitError } from '@tfkit/core';
import { describe, expect, it } from 'vitest';
import {
  decodeNifti,
  decodeNpy,
  decodePng,
  encodePng,
  labelsFromPng,
  panopticIds,
  readLabelMap,
} from '../src/io';
import { inflateStream } from '../src/io/inflate';
import { crc32 } from '../src/io/png';

const file = (path: string) => readFile(fileURLToPath(new URL(`./golden/cases/${path}`, import.meta.url)));

/** A PNG of given header bytes and raw rows. */
function pngOf(
  width: number,
  height: number,
  depth: number,
  color: number,
  raw: Uint8Array,
  palette?: Uint8Array,
) {
  const chunk = (type: string, body: Uint8Array) => {
    const bytes = new Uint8Array(body.length + 12);
    const view = new DataView(bytes.buffer);
    view.setUint32(0, body.length);
    bytes.set(new TextEncoder().encode(type), 4);
    bytes.set(body, 8);
    view.setUint32(8 + body.length, crc32(bytes.subarray(4, 8 + body.length)));
    return bytes;
  };
  const header = new Uint8Array(13);
  new DataView(header.buffer).setUint32(0, width);
  new DataView(header.buffer).setUint32(4, height);
  header.set([depth, color], 8);
  const parts = [chunk('IHDR', header), ...(palette ? [chunk('PLTE', palette)] : [])];
  return Buffer.concat([
    Uint8Array.of(137, 80, 78, 71, 13, 10, 26, 10),
    ...parts,
    chunk('IDAT', deflateSync(raw)),
    chunk('IEND', new Uint8Array(0)),
  ]);
}

describe('decodePng', () => {
  it.each([1, 2, 4, 8, 16])('keeps %i-bit gray samples as they are stored', async (depth) => {
    const raw = depth === 16 ? [0, 1, 2, 255, 255] : [0, 0b11100100, 0b00011011];
    const width = depth === 16 ? 2 : 16 / depth;
    const { data } = await decodePng(pngOf(width, 1, depth, 0, Uint8Array.from(raw)));
    const expected: Record<number, number[]> = {
      1: [1, 1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 1, 1, 0, 1, 1],
      2: [3, 2, 1, 0, 0, 1, 2, 3],
      4: [14, 4, 1, 11],
      8: [0b11100100, 0b00011011],
      16: [0x0102, 0xffff],
    };
    expect([...data]).toEqual(expected[depth]);
  });

  it('undoes every row filter', async () => {
    const raw = [0, 10, 20, 1, 5, 5, 2, 1, 1, 3, 4, 4, 4, 7, 7];
    const { data } = await decodePng(pngOf(2, 5, 8, 0, Uint8Array.from(raw)));
    // By hand: none; sub; up; average of left and up; Paeth.
    expect([...data]).toEqual([10, 20, 5, 10, 6, 11, 7, 13, 14, 21]);
  });

  it('reads back what encodePng writes: gray, colours, palette', async () => {
    const data = Uint8Array.from({ length: 12 }, (_, i) => i % 4);
    const palette = Uint8Array.from([0, 0, 0, 128, 0, 0, 0, 128, 0, 128, 128, 0]);
    expect([...(await decodePng(await encodePng({ width: 4, height: 3, data }))).data]).toEqual([...data]);
    const indexed = await decodePng(await encodePng({ width: 4, height: 3, data, palette }));
    expect([...labelsFromPng(indexed).data]).toEqual([...data]);
    const byColor = { '0,0,0': 7, '128,0,0': 5, '0,128,0': 4, '128,128,0': 1 };
    expect([...labelsFromPng(indexed, byColor).data.slice(0, 4)]).toEqual([7, 5, 4, 1]);
    expect(() => labelsFromPng(indexed, { '0,0,0': 1 })).toThrow(/got 128,0,0 at row 0, column 1/);
    const rgb = await decodePng(await encodePng({ width: 2, height: 2, data }));
    expect(() => labelsFromPng(rgb)).toThrow(/palette indices or gray values, got rgb/);
    expect([...panopticIds(rgb)]).toEqual([
      0 + 256 + 2 * 65536,
      3 + 65536,
      2 + 3 * 256,
      1 + 2 * 256 + 3 * 65536,
    ]);
  });

  it('refuses bombs: more pixels than the limit, more bytes than the header says', async () => {
    const large = pngOf(30000, 30000, 8, 0, new Uint8Array(10));
    await expect(decodePng(large)).rejects.toThrow(/at most 268435456 pixels, got 30000 x 30000/);
    const bomb = pngOf(2, 2, 8, 0, new Uint8Array(50_000_000));
    await expect(decodePng(bomb)).rejects.toThrow(/at most 6 bytes/);
    await expect(decodePng(pngOf(4, 4, 8, 0, new Uint8Array(3)))).rejects.toThrow(
      /20 bytes of pixels, got 3/,
    );
    await expect(inflateStream(deflateSync(new Uint8Array(1e6)), 'deflate', 1000)).rejects.toThrow(
      /too large/,
    );
  });
});

describe('decodeNifti and decodeNpy', () => {
  it('reads spacing, affine and unit, and refuses more voxels than allowed', async () => {
    const bytes = await file('nifti/gt.nii.gz');
    const { shape, spacing, affine, unit } = await decodeNifti(bytes);
    expect(shape).toEqual([8, 12, 12]);
    expect(spacing).toBeAllclose([2.5, 0.9, 0.9], { rtol: 1e-6 });
    expect(affine).toHaveLength(12);
    expect(unit).toBe('mm');
    await expect(decodeNifti(bytes, { maxPixels: 100 })).rejects.toThrow(
      /at most 100 voxels, got 12 x 12 x 8/,
    );
    await expect(decodeNifti(gzipSync(new Uint8Array(1e6)))).rejects.toThrow(/start with its header size/);
  });

  it('reads npy in C and Fortran order, and 64-bit integers', () => {
    const npy = (descr: string, fortran: boolean, shape: string, body: Uint8Array) => {
      const text = `{'descr': '${descr}', 'fortran_order': ${fortran ? 'True' : 'False'}, 'shape': (${shape}), }`;
      const header = `${text.padEnd(117)}\n`;
      return Buffer.concat([
        Buffer.from([0x93, 78, 85, 77, 80, 89, 1, 0, 118, 0]),
        Buffer.from(header, 'latin1'),
        body,
      ]);
    };
    const body = Uint8Array.of(1, 2, 3, 4, 5, 6);
    expect([...decodeNpy(npy('|u1', false, '2, 3', body)).data]).toEqual([1, 2, 3, 4, 5, 6]);
    expect([...decodeNpy(npy('|u1', true, '2, 3', body)).data]).toEqual([1, 3, 5, 2, 4, 6]);
    const long = new Uint8Array(BigInt64Array.of(-1n, 255n).buffer);
    expect([...decodeNpy(npy('<i8', false, '2,', long)).data]).toEqual([-1, 255]);
    expect(() => decodeNpy(npy('<U3', false, '2,', long))).toThrow(/dtype of whole or real numbers/);
    expect(() => decodeNpy(npy('|u1', false, '99', body))).toThrow(/hold 99 elements/);
  });
});

describe('a thousand mutated files', () => {
  it('are read or refused by one of our errors, without hanging or allocating without bound', async () => {
    const sources = await Promise.all(
      ['png/gt/frame_008.png', 'png/pred/frame_003.png', 'png/pred/frame_009.png', 'nifti/gt.nii.gz'].map(
        file,
      ),
    );
    let state = 12345;
    const random = (below: number) => {
      state = (Math.imul(state, 1103515245) + 12345) >>> 0;
      return Math.floor((state / 2 ** 32) * below);
    };
    const outcomes = { read: 0, refused: 0 };
    for (let round = 0; round < 1000; round++) {
      let bytes = Uint8Array.from(sources[round % sources.length]!);
      for (let k = random(4); k >= 0; k--)
        bytes[random(Math.min(bytes.length, random(2) ? 60 : 1e9))] = random(256);
      if (random(3) === 0) bytes = bytes.subarray(0, random(bytes.length));
      // Half of the PNGs get their checksums right again, so that what is behind them is reached.
      if (random(2) === 0) fixChecksums(bytes);
      try {
        await readLabelMap(bytes, { maxPixels: 1e6 });
        outcomes.read++;
      } catch (error) {
        expect(isTfkitError(error), String((error as Error).stack)).toBe(true);
        outcomes.refused++;
      }
    }
    expect(outcomes.read + outcomes.refused).toBe(1000);
    expect(outcomes.refused).toBeGreaterThan(300);
  });
});

function fixChecksums(bytes: Uint8Array): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = 8; at + 12 <= bytes.length; ) {
    const end = at + 8 + view.getUint32(at);
    if (end + 4 > bytes.length) return;
    view.setUint32(end, crc32(bytes.subarray(at + 4, end)));
    at = end + 4;
  }
}
