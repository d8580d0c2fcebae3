import { readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FormatError, isTfkitError } from '../src/index';
import {
  decodeSafetensors,
  encodeSafetensors,
  type SafetensorsInput,
  toTypedArray,
  type WeightArray,
  type WeightDType,
} from '../src/weights';
import { writeFileAtomic } from '../src/weights/node';
import { fileOf, malformedFiles } from './malformedFiles';

/** Made by tools/golden/core/safetensors_files.py with safetensors 0.8.0. */
const folder = new URL('golden/safetensors/', import.meta.url);
const { files, rounding } = JSON.parse(readFileSync(new URL('expected.json', folder), 'utf8'));
const read = (name: string) => readFileSync(new URL(`${name}.safetensors`, folder));

/** Values as expected.json has them: floats by their bits (NaN is null), 64-bit integers as text. */
function written(array: WeightArray): unknown[] {
  const { buffer, byteOffset, length } = array;
  if (array instanceof Float32Array) {
    const bits = new Uint32Array(buffer, byteOffset, length);
    return Array.from(array, (x, i) => (Number.isNaN(x) ? null : bits[i]));
  }
  if (array instanceof Float64Array) {
    const bits = new BigUint64Array(buffer, byteOffset, length);
    return Array.from(array, (x, i) => (Number.isNaN(x) ? null : String(bits[i])));
  }
  return Array.from(array as ArrayLike<number | bigint>, (x) => (typeof x === 'bigint' ? String(x) : x));
}

describe.each(Object.keys(files))('the file %s of the Python library', (name) => {
  it('is read: names, dtypes, shapes, values, metadata', () => {
    const { tensors, metadata } = decodeSafetensors(read(name));
    const expected = files[name];
    expect(new Map(Object.entries(metadata))).toEqual(new Map(Object.entries(expected.metadata ?? {})));
    expect([...tensors.keys()].sort()).toEqual(Object.keys(expected.tensors).sort());
    for (const [key, { dtype, shape, values }] of Object.entries<{
      dtype: string;
      shape: number[];
      values: unknown[];
    }>(expected.tensors)) {
      const entry = tensors.get(key)!;
      expect(entry.dtype, key).toBe(dtype);
      expect(entry.shape, key).toEqual(shape);
      expect(written(toTypedArray(entry)), key).toEqual(values);
    }
  });

  it('is written again byte for byte, from its bytes and from its values', () => {
    const file = read(name);
    const { tensors, metadata } = decodeSafetensors(file);
    // Python writes the entries of the metadata in no fixed order.
    if (Object.keys(metadata).length > 1) return expect(name).toBe('metadata');
    const options = Object.keys(metadata).length > 0 ? { metadata } : {};
    expect(Buffer.from(encodeSafetensors(tensors, options)).equals(file)).toBe(true);
    const values = new Map<string, SafetensorsInput>(
      [...tensors].map(([key, entry]) => {
        const { dtype, shape } = entry;
        return [key, { dtype, shape, data: toTypedArray(entry) }];
      }),
    );
    expect(Buffer.from(encodeSafetensors(values, options)).equals(file)).toBe(true);
  });

  it('is read from any alignment', () => {
    const file = read(name);
    for (let shift = 1; shift < 8; shift++) {
      const shifted = new Uint8Array(file.length + shift).subarray(shift);
      shifted.set(file);
      const { tensors } = decodeSafetensors(shifted);
      for (const [key, entry] of tensors) {
        expect(written(toTypedArray(entry))).toEqual(files[name].tensors[key].values);
      }
    }
  });
});

it('covers every fixture in the folder', () => {
  const names = readdirSync(folder).filter((file) => file.endsWith('.safetensors'));
  expect(names.map((file) => file.replace('.safetensors', '')).sort()).toEqual(Object.keys(files).sort());
});

describe('typed arrays', () => {
  it.each(['F16', 'BF16', 'F8_E5M2', 'F8_E4M3'] as const)('round to %s as ml_dtypes does', (dtype) => {
    const data = new Float32Array(
      Uint32Array.from(rounding.values, (bits: number | null) => bits ?? 0x7fc00000).buffer,
    );
    const file = encodeSafetensors({ x: { shape: [data.length], data, dtype } });
    const { bytes } = decodeSafetensors(file).tensors.get('x')!;
    const codes = dtype.includes('16') ? new Uint16Array(bytes.slice().buffer) : bytes;
    const isNaNAt = toTypedArray({ dtype, shape: [data.length], bytes }).map((x) => Number(Number.isNaN(x)));
    expect(Array.from(codes, (code, i) => (isNaNAt[i] ? null : code))).toEqual(rounding[dtype]);
  });

  it('round once from float64', () => {
    // Just above the midpoint of 1 and 1 + 2^-10: by way of float32 it would be the midpoint, and even.
    const data = Float64Array.of(1 + 2 ** -11 + 2 ** -40, 2 - 2 ** -40, -(1 + 2 ** -11));
    const { tensors } = decodeSafetensors(encodeSafetensors({ x: { shape: [3], data, dtype: 'F16' } }));
    expect([...toTypedArray(tensors.get('x')!)]).toEqual([1 + 2 ** -10, 2, -1]);
  });

  it('widen every float16 and narrow it to the same code', () => {
    for (const dtype of ['F16', 'BF16'] as const) {
      const codes = Uint16Array.from({ length: 65536 }, (_, i) => i);
      const values = toTypedArray({ dtype, shape: [65536], bytes: new Uint8Array(codes.buffer) });
      const again = encodeSafetensors({ x: { shape: [65536], data: values, dtype } });
      const back = new Uint16Array(decodeSafetensors(again).tensors.get('x')!.bytes.slice().buffer);
      const wrong = codes.filter((code, i) => !Number.isNaN(values[i]) && back[i] !== code);
      expect([...wrong]).toEqual([]);
    }
  });

  it('are views of an aligned file', () => {
    const file = encodeSafetensors({ x: { shape: [2], data: Float32Array.of(1, 2) } });
    const { tensors } = decodeSafetensors(file.buffer);
    const array = toTypedArray(tensors.get('x')!) as Float32Array;
    expect(array.buffer).toBe(file.buffer);
  });

  it('say which dtypes have none, whose bytes pass through', () => {
    const header = '{"a":{"dtype":"F4","shape":[4],"data_offsets":[0,2]}}';
    const { tensors } = decodeSafetensors(fileOf(header, 2));
    expect(() => toTypedArray(tensors.get('a')!)).toThrow(
      /^toTypedArray: dtype must be .*, got F4\. .*bytes/,
    );
    expect(decodeSafetensors(encodeSafetensors(tensors)).tensors).toEqual(tensors);
  });
});

describe('encodeSafetensors', () => {
  it('refuses what does not fit', () => {
    const data = Float32Array.of(1, 2);
    const encode = (input: unknown) => () => encodeSafetensors({ x: input as SafetensorsInput });
    expect(encode({ shape: [3], data })).toThrow(
      "encodeSafetensors: tensor 'x' must have as many values as its shape [3] of F32 holds, got 8 bytes.",
    );
    expect(encode({ shape: [2], data, dtype: 'I32' })).toThrow(
      /must have values that fit I32, got a Float32Array/,
    );
    expect(encode({ shape: [2], data, dtype: 'F33' })).toThrow(/must have one of BOOL.*got 'F33'/);
    expect(encode({ shape: [-2], data })).toThrow(/must have a shape of whole numbers, got \[-2\]/);
    expect(encode({ shape: [2], data: [1, 2] })).toThrow(/must have one of/);
    expect(() => encodeSafetensors({ __metadata__: { shape: [2], data } })).toThrow(/another name/);
    expect(() => encodeSafetensors({}, { metadata: { a: 1 as unknown as string } })).toThrow(
      "encodeSafetensors: metadata 'a' must be a string, got 1.",
    );
  });
});

describe('a malformed file', () => {
  it.each(Object.entries(malformedFiles))('%s is one FormatError', (_, [bytes, message]) => {
    expect(() => decodeSafetensors(bytes)).toThrow(FormatError);
    expect(() => decodeSafetensors(bytes)).toThrow(message);
    expect(() => decodeSafetensors(bytes)).toThrow(/^decodeSafetensors: .* must .*, got .*\.$/s);
  });

  it('of another type is an OptionError', () => {
    for (const value of [null, 'text', [1, 2], undefined]) {
      expect(() => decodeSafetensors(value as unknown as Uint8Array)).toThrow(
        /^decodeSafetensors: file must be a Uint8Array or an ArrayBuffer, got/,
      );
    }
  });

  const decodesOrRefuses = (bytes: Uint8Array) => {
    try {
      const { tensors } = decodeSafetensors(bytes);
      for (const { bytes: data } of tensors.values()) expect(data.buffer).toBe(bytes.buffer);
    } catch (error) {
      expect(isTfkitError(error, 'FormatError'), String(error)).toBe(true);
      expect((error as Error).message.length).toBeLessThan(500);
    }
  };

  it('of random bytes is read or refused', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), decodesOrRefuses), { numRuns: 2000 });
  });

  it('of a good file with changed bytes is read or refused', () => {
    const good = read('shapes');
    const edits = fc.array(fc.tuple(fc.nat(good.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 });
    const property = fc.property(edits, fc.nat(good.length), (changes, cut) => {
      const bytes = Uint8Array.from(good);
      for (const [position, value] of changes) bytes[position] = value;
      decodesOrRefuses(bytes);
      decodesOrRefuses(bytes.slice(0, cut));
    });
    fc.assert(property, { numRuns: 3000 });
  });

  it('of arbitrary JSON is read or refused', () => {
    const leaf = fc.oneof(fc.double(), fc.integer(), fc.string(), fc.constant(null), fc.boolean());
    const tensor = fc.record(
      {
        dtype: fc.oneof(fc.constantFrom('F32', 'I64', 'F4', 'BOOL'), leaf),
        shape: fc.oneof(fc.array(fc.nat(4), { maxLength: 3 }), fc.array(leaf, { maxLength: 3 }), leaf),
        data_offsets: fc.oneof(fc.tuple(fc.nat(32), fc.nat(32)), fc.array(leaf, { maxLength: 3 }), leaf),
      },
      { requiredKeys: [] },
    );
    const names = fc.oneof(fc.string(), fc.constantFrom('__proto__', '__metadata__', 'constructor', 'a'));
    const header = fc.dictionary(names, fc.oneof(tensor, fc.jsonValue()), { maxKeys: 4 });
    const property = fc.property(header, fc.nat(40), (value, bytes) =>
      decodesOrRefuses(fileOf(JSON.stringify(value), bytes)),
    );
    fc.assert(property, { numRuns: 3000 });
  });

  it('that is good is always read as it was written', () => {
    const arrays = fc.oneof<fc.Arbitrary<WeightArray>[]>(
      fc.float32Array({ maxLength: 9 }),
      fc.float64Array({ maxLength: 9 }),
      fc.int32Array({ maxLength: 9 }),
      fc.uint16Array({ maxLength: 9 }),
      fc.int8Array({ maxLength: 9 }),
      fc.bigInt64Array({ maxLength: 9 }),
    );
    const property = fc.property(
      fc.array(fc.tuple(fc.string({ unit: 'binary' }), arrays), { maxLength: 6 }),
      fc.dictionary(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), { maxKeys: 3 }),
      (list, metadata) => {
        const named = new Map(list.filter(([name]) => name !== '__metadata__'));
        const inputs = new Map([...named].map(([name, data]) => [name, { shape: [data.length], data }]));
        const file = decodeSafetensors(encodeSafetensors(inputs, { metadata }));
        expect(new Map(Object.entries(file.metadata))).toEqual(new Map(Object.entries(metadata)));
        expect(file.tensors.size).toBe(named.size);
        for (const [name, data] of named) expect(toTypedArray(file.tensors.get(name)!)).toEqual(data);
      },
    );
    fc.assert(property, { numRuns: 500 });
  });
});

describe('writeFileAtomic', () => {
  it('replaces a file, and leaves nothing behind when it cannot', async () => {
    const place = await mkdtemp(join(tmpdir(), 'tfkit-'));
    try {
      const path = join(place, 'a.safetensors');
      await writeFile(path, 'old');
      await writeFileAtomic(path, Uint8Array.of(1, 2, 3));
      expect([...(await readFile(path))]).toEqual([1, 2, 3]);
      await expect(writeFileAtomic(place, Uint8Array.of(1))).rejects.toThrow();
      await expect(writeFileAtomic(join(place, 'no/such'), Uint8Array.of(1))).rejects.toThrow(/ENOENT/);
      expect(await readdir(place)).toEqual(['a.safetensors']);
    } finally {
      await rm(place, { recursive: true });
    }
  });
});

it('types: the array of a dtype', () => {
  const entry = { dtype: 'F16' as const, shape: [1], bytes: Uint8Array.of(0, 60) };
  const values: Float32Array = toTypedArray(entry);
  expect([...values]).toEqual([1]);
  const names: WeightDType[] = ['F32'];
  expect(names).toHaveLength(1);
});
