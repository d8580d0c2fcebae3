/**
 * The safetensors format, on bytes: 8 bytes with the length of the header, a JSON header, the tensors' bytes.
 * Source: https://github.com/huggingface/safetensors#format, checked both ways against its Python library 0.8.0.
 */
import { formatValue } from '../checks';
import { DTypeError, OptionError, ShapeError } from '../errors';
import { formatShape, sizeOf } from '../shape';
import {
  type ArrayOf,
  decodeValues,
  dtypeNames,
  dtypeOf,
  encodeValues,
  infoOf,
  type WeightArray,
  type WeightDType,
} from './dtypes';
import { maxHeaderBytes, parseHeader } from './header';

/** A tensor of a file: its bytes are a view of the file's, not a copy. */
export interface SafetensorsEntry<D extends WeightDType = WeightDType> {
  readonly dtype: D;
  readonly shape: readonly number[];
  readonly bytes: Uint8Array;
}

export interface Safetensors {
  /** Text about the file. Without a prototype, so that any key is safe. */
  readonly metadata: Readonly<Record<string, string>>;
  /** By name, in the order of the header. */
  readonly tensors: ReadonlyMap<string, SafetensorsEntry>;
}

/**
 * The tensors of a safetensors file, as views of its bytes.
 *
 * @param file the whole file: bytes, or the ArrayBuffer of `fetch(url)` or of a Blob.
 * @throws FormatError if it is not a well-formed file, with the first thing that is wrong. Nothing that the header
 * claims is allocated.
 * @example
 * const { tensors, metadata } = decodeSafetensors(await readFile('model.safetensors'));
 * const weight = toTypedArray(tensors.get('linear.weight'));
 */
export function decodeSafetensors(file: Uint8Array | ArrayBuffer): Safetensors {
  const bytes = file instanceof Uint8Array ? file : isBuffer(file) ? new Uint8Array(file) : undefined;
  if (!bytes) {
    throw new OptionError(
      `decodeSafetensors: file must be a Uint8Array or an ArrayBuffer, got ${formatValue(file)}.`,
    );
  }
  const { metadata, tensors, dataStart } = parseHeader(bytes);
  const entries = new Map<string, SafetensorsEntry>();
  for (const [name, { dtype, shape, begin, end }] of tensors) {
    entries.set(name, { dtype, shape, bytes: bytes.subarray(dataStart + begin, dataStart + end) });
  }
  return { metadata, tensors: entries };
}

/**
 * The values of a tensor of a file, flat, in row-major order.
 *
 * F64, F32, I32, I16, I8, U32, U16, U8, I64 and U64 (BigInt arrays) and BOOL (0 or 1 in a Uint8Array) are views of the
 * file where it is aligned, as files of this package and of Python are; otherwise copies. F16, BF16, F8_E5M2 and
 * F8_E4M3 widen to float32, which is exact.
 *
 * @throws DTypeError for C64, F4, F6_*, F8_E8M0 and F8_*FNUZ, which have no typed array: take `bytes`.
 */
export function toTypedArray<D extends WeightDType>(entry: SafetensorsEntry<D>): ArrayOf<D> {
  return decodeValues(entry.dtype, entry.bytes) as ArrayOf<D>;
}

/** A tensor to be written: values, as their own dtype or the one named, or the bytes of another file's tensor. */
export type SafetensorsInput =
  | {
      readonly shape: readonly number[];
      readonly data: WeightArray;
      /** Default: the dtype of the array. F16, BF16, F8_E5M2 and F8_E4M3 round float values; BOOL takes a Uint8Array. */
      readonly dtype?: WeightDType;
    }
  | SafetensorsEntry;

/** Arrays to be written, by name. */
export type SafetensorsInputs =
  | Readonly<Record<string, SafetensorsInput>>
  | ReadonlyMap<string, SafetensorsInput>;

/** What a file holds beside its tensors. */
export interface EncodeSafetensorsOptions {
  readonly metadata?: Readonly<Record<string, string>>;
}

/**
 * The bytes of a safetensors file. The same tensors give the same bytes as `safetensors.numpy.save`: sorted by
 * decreasing alignment and then by name, so that each lies aligned.
 *
 * @param tensors by name.
 * @throws ShapeError if a shape does not hold the values; DTypeError if the array cannot be written as the dtype;
 * OptionError for metadata that is not text, or the name '__metadata__'.
 */
export function encodeSafetensors(
  tensors: SafetensorsInputs,
  options: EncodeSafetensorsOptions = {},
): Uint8Array<ArrayBuffer> {
  const named = tensors instanceof Map ? [...tensors] : Object.entries(tensors);
  const entries = named.map(([name, input]) => [name, entryOf(name, input)] as const);
  entries.sort(([nameA, a], [nameB, b]) => {
    const order = dtypeNames.indexOf(b.dtype) - dtypeNames.indexOf(a.dtype);
    return order || compareUtf8(nameA, nameB);
  });
  const header = headerBytes(entries, options.metadata);
  const file = new Uint8Array(entries.reduce((sum, [, { bytes }]) => sum + bytes.length, header.length));
  file.set(header);
  let position = header.length;
  for (const [, { bytes }] of entries) {
    file.set(bytes, position);
    position += bytes.length;
  }
  return file;
}

function entryOf(name: string, input: SafetensorsInput): SafetensorsEntry {
  const tensor = `encodeSafetensors: tensor '${name}'`;
  if (name === '__metadata__')
    throw new OptionError(`${tensor} must have another name, got the reserved one.`);
  const { shape } = input;
  if (!Array.isArray(shape) || !shape.every((size) => Number.isSafeInteger(size) && size >= 0)) {
    throw new ShapeError(`${tensor} must have a shape of whole numbers, got ${formatValue(shape)}.`);
  }
  const dtype = input.dtype ?? ('data' in input ? dtypeOf(input.data) : undefined);
  if (dtype === undefined || !dtypeNames.includes(dtype)) {
    throw new DTypeError(`${tensor} must have one of ${dtypeNames.join(', ')}, got ${formatValue(dtype)}.`);
  }
  const bytes = 'data' in input ? encodeValues(dtype, input.data) : input.bytes;
  if (!bytes) {
    throw new DTypeError(
      `${tensor} must have values that fit ${dtype}, got ${formatValue((input as { data: unknown }).data)}.`,
    );
  }
  if (sizeOf(shape) * infoOf(dtype).bits !== bytes.length * 8) {
    throw new ShapeError(
      `${tensor} must have as many values as its shape ${formatShape(shape)} of ${dtype} holds, got ${bytes.length} bytes.`,
    );
  }
  return { dtype, shape, bytes };
}

/** The header with its length in front, padded by spaces so that the data begins at a multiple of 8. */
function headerBytes(
  entries: readonly (readonly [string, SafetensorsEntry])[],
  metadata: Readonly<Record<string, string>> | undefined,
): Uint8Array {
  const parts: string[] = [];
  const texts = Object.entries(metadata ?? {});
  for (const [key, text] of texts) {
    if (typeof text !== 'string') {
      throw new OptionError(
        `encodeSafetensors: metadata '${key}' must be a string, got ${formatValue(text)}.`,
      );
    }
  }
  if (metadata !== undefined) {
    parts.push(`"__metadata__":{${texts.map((pair) => pair.map(json).join(':')).join(',')}}`);
  }
  let begin = 0;
  for (const [name, { dtype, shape, bytes }] of entries) {
    const end = begin + bytes.length;
    parts.push(`${json(name)}:{"dtype":"${dtype}","shape":[${shape}],"data_offsets":[${begin},${end}]}`);
    begin = end;
  }
  const text = new TextEncoder().encode(`{${parts.join(',')}}`);
  const length = Math.ceil(text.length / 8) * 8;
  if (length > maxHeaderBytes) {
    throw new OptionError(
      `encodeSafetensors: names and metadata must fit ${maxHeaderBytes} bytes, got ${length}.`,
    );
  }
  const header = new Uint8Array(8 + length).fill(0x20);
  new DataView(header.buffer).setBigUint64(0, BigInt(length), true);
  header.set(text, 8);
  return header;
}

const json = (text: string) => JSON.stringify(text);

/** By code points, as Rust orders strings; JavaScript's `<` compares UTF-16 units, which differs beyond U+FFFF. */
function compareUtf8(a: string, b: string): number {
  const left = [...a];
  const right = [...b];
  const differs = left.findIndex((char, i) => char !== right[i]);
  if (differs < 0) return left.length - right.length;
  if (differs >= right.length) return 1;
  return left[differs]!.codePointAt(0)! - right[differs]!.codePointAt(0)!;
}

const isBuffer = (value: unknown): value is ArrayBuffer =>
  value instanceof ArrayBuffer ||
  (typeof SharedArrayBuffer !== 'undefined' && value instanceof SharedArrayBuffer);
