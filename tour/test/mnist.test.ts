import { writeFile } from 'node:fs/promises';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { loadMnist, pairDigits, readIdx } from '../src/data/mnist';
import { temporaryFolder } from './temporaryFolder';

/** An IDX file of unsigned bytes. */
function idx(shape: number[], data: number[], type = 0x08): Uint8Array {
  const header = [0, 0, type, shape.length];
  for (const size of shape) header.push(size >>> 24, (size >>> 16) & 255, (size >>> 8) & 255, size & 255);
  return Uint8Array.from([...header, ...data]);
}

describe('readIdx', () => {
  it('reads big-endian dimensions and the bytes after them', () => {
    const bytes = idx(
      [1, 258, 1],
      Array.from({ length: 258 }, (_, i) => i % 7),
    );
    const { shape, data } = readIdx(bytes, 'x');
    expect(shape).toEqual([1, 258, 1]);
    expect([...data.subarray(0, 9)]).toEqual([0, 1, 2, 3, 4, 5, 6, 0, 1]);
  });

  it('reads a view that does not start at its buffer', () => {
    const bytes = idx([2], [5, 6]);
    const shifted = new Uint8Array(bytes.length + 3);
    shifted.set(bytes, 3);
    expect([...readIdx(shifted.subarray(3), 'x').data]).toEqual([5, 6]);
  });

  it.each([
    ['an empty file', new Uint8Array(0), /readIdx: x must begin with a magic number of 4 bytes, got 0 bytes/],
    ['another type', idx([2], [1, 2], 0x0d), /must begin with the bytes 00 00 08 .*, got 0x00000d/],
    ['gzip', Uint8Array.of(0x1f, 0x8b, 8, 0, 0), /got 0x1f8b08/],
    ['rank 0', idx([], []), /must have at least one dimension, got rank 0/],
    ['a cut header', idx([2, 3], []).subarray(0, 9), /2 dimensions in a header of 12 bytes, got 9 bytes/],
    ['a cut body', idx([2, 3], [1, 2, 3, 4, 5]), /must hold 6 bytes for \[2, 3\], got 5/],
    ['a byte too many', idx([2], [1, 2, 3]), /must hold 2 bytes for \[2\], got 3/],
    ['sizes beyond any file', idx([0xffffffff, 0xffffffff], [1]), /must hold 18446744065\d+ bytes/],
  ])('refuses %s', (_, bytes, message) => {
    expect(() => readIdx(bytes, 'x')).toThrow(message);
  });

  it('gives a FormatError or an array that fits, whatever the bytes', () => {
    const header = fc.tuple(fc.constantFrom(0, 0, 1), fc.constant(0), fc.constantFrom(8, 8, 9), fc.nat(4));
    const bytes = fc
      .tuple(header, fc.uint8Array({ maxLength: 40 }))
      .map(([head, tail]) =>
        Uint8Array.from([...head, ...tail.map((byte, i) => (i % 4 < 3 ? 0 : byte % 8))]),
      );
    fc.assert(
      fc.property(bytes, (file) => {
        try {
          const { shape, data } = readIdx(file, 'x');
          expect(shape.reduce((product, size) => product * size, 1)).toBe(data.length);
        } catch (error) {
          expect((error as Error).name).toBe('FormatError');
        }
      }),
      { numRuns: 2000 },
    );
  });
});

describe('loadMnist', () => {
  it('reads the 10,000 test digits, the first of which is a 7', async () => {
    const digits = await loadMnist('test');
    expect([digits.count, digits.height, digits.width]).toEqual([10_000, 28, 28]);
    expect(digits.images.length).toBe(10_000 * 784);
    expect([...digits.labels.subarray(0, 10)]).toEqual([7, 2, 1, 0, 4, 1, 4, 9, 5, 9]);
  });

  it('refuses labels that do not belong to the images, and labels that are no digits', () => {
    const images = readIdx(idx([2, 1, 1], [0, 255]), 'images');
    const pair = (labels: number[]) => () =>
      pairDigits(images, readIdx(idx([labels.length], labels), 'l'), 'train');
    expect(pair([1, 2, 3])).toThrow(/the train files must hold .*, got \[2, 1, 1\] and \[3\]/);
    expect(pair([1, 10])).toThrow(/the train labels must be in \[0, 9\], got 10 at 1/);
    expect(pair([1, 9])().count).toBe(2);
  });

  it('names the file that is cut off', async () => {
    const folder = await temporaryFolder();
    await writeFile(`${folder}/t10k-images-idx3-ubyte`, idx([2, 1, 1], [1]));
    await writeFile(`${folder}/t10k-labels-idx1-ubyte`, idx([2], [1, 1]));
    await expect(loadMnist('test', folder)).rejects.toThrow(/t10k-images-idx3-ubyte must hold 2 bytes/);
  });
});
