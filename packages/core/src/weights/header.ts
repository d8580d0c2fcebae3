/**
 * The header of a safetensors file, read as strictly as the format is written: nothing in it is believed until it is
 * checked against the bytes that are there, and nothing is allocated by what it claims.
 */
import { FormatError } from '../errors';
import { dtypeNames, infoOf, type WeightDType } from './dtypes';

export interface TensorHeader {
  readonly dtype: WeightDType;
  readonly shape: readonly number[];
  readonly begin: number;
  readonly end: number;
}

export interface Header {
  readonly metadata: Readonly<Record<string, string>>;
  readonly tensors: ReadonlyMap<string, TensorHeader>;
  /** Where the tensors' bytes begin in the file. */
  readonly dataStart: number;
}

/** The limit of the reference implementation. */
export const maxHeaderBytes = 100_000_000;

export function parseHeader(file: Uint8Array): Header {
  const text = headerText(file);
  const dataStart = 8 + headerLength(file);
  const root = parseJson(text);
  checkTokens(text);
  const tensors = new Map<string, TensorHeader>();
  let metadata: Readonly<Record<string, string>> = Object.freeze(Object.create(null));
  for (const [name, value] of Object.entries(root)) {
    if (name === '__metadata__') metadata = parseMetadata(value);
    else tensors.set(name, parseTensor(name, value));
  }
  checkLayout(tensors, file.length - dataStart);
  return { metadata, tensors, dataStart };
}

function headerLength(file: Uint8Array): number {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  return view.getUint32(0, true) + view.getUint32(4, true) * 2 ** 32;
}

function headerText(file: Uint8Array): string {
  if (file.length < 8) fail('file', 'have at least 8 bytes', `${file.length}`);
  const length = headerLength(file);
  if (length > maxHeaderBytes) fail('header length', `be at most ${maxHeaderBytes} bytes`, `${length}`);
  if (length > file.length - 8) {
    fail('header', 'end within the file', `${length} bytes of header in a file of ${file.length}`);
  }
  try {
    const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
    return decoder.decode(file.subarray(8, 8 + length));
  } catch {
    return fail('header', 'be UTF-8', 'other bytes');
  }
}

function parseJson(text: string): object {
  if (!text.startsWith('{')) fail('header', "begin with '{'", quote(text.slice(0, 1)));
  try {
    return JSON.parse(text);
  } catch (error) {
    return fail('header', 'be JSON', shorten((error as Error).message));
  }
}

/**
 * What JSON.parse lets pass in silence: a key that occurs twice in an object (the last would win), and numbers that
 * are no plain whole numbers (1.0, 1e3, -0) or are too large to be held exactly. The text is known to be valid JSON.
 */
function checkTokens(text: string): void {
  const token = /"(?:[^"\\]|\\.)*"(\s*:)?|-?\d[\d.eE+-]*|[{}]/g;
  const keys: Set<string>[] = [];
  for (const [match, colon] of text.matchAll(token)) {
    if (match === '{') keys.push(new Set());
    else if (match === '}') keys.pop();
    else if (colon !== undefined) {
      const key: string = JSON.parse(match.slice(0, -colon.length));
      const siblings = keys.at(-1) as Set<string>;
      if (siblings.has(key)) fail('header', 'name each key once', `${quote(key)} twice`);
      siblings.add(key);
    } else if (match[0] !== '"' && !(/^\d+$/.test(match) && Number.isSafeInteger(Number(match)))) {
      fail('header', 'have whole numbers from 0 to 2^53 - 1', shorten(match));
    }
  }
}

function parseMetadata(value: unknown): Readonly<Record<string, string>> {
  const metadata: Record<string, string> = Object.create(null);
  if (value === null) return Object.freeze(metadata);
  if (!isObject(value)) return fail('__metadata__', 'be an object of strings', typeName(value));
  for (const [key, text] of Object.entries(value)) {
    if (typeof text !== 'string') fail(`__metadata__ ${quote(key)}`, 'be a string', typeName(text));
    metadata[key] = text;
  }
  return Object.freeze(metadata);
}

function parseTensor(name: string, value: unknown): TensorHeader {
  const tensor = `tensor ${quote(name)}`;
  if (!isObject(value)) return fail(tensor, 'be an object', typeName(value));
  const { dtype, shape, data_offsets: offsets } = value;
  if (!dtypeNames.includes(dtype as WeightDType)) {
    const got = typeof dtype === 'string' ? quote(dtype) : typeName(dtype);
    fail(`dtype of ${tensor}`, `be one of ${dtypeNames.join(', ')}`, got);
  }
  if (!isCounts(shape)) return fail(`shape of ${tensor}`, 'be an array of whole numbers', typeName(shape));
  if (!isCounts(offsets) || offsets.length !== 2) {
    return fail(`data_offsets of ${tensor}`, 'be two whole numbers', typeName(offsets));
  }
  const [begin, end] = offsets as [number, number];
  const bits = bitsOf(shape, dtype as WeightDType);
  if (bits !== (end - begin) * 8) {
    const got = `[${begin}, ${end}]`;
    fail(`data_offsets of ${tensor}`, `span the ${bits / 8} bytes of ${dtype} [${shapeText(shape)}]`, got);
  }
  return { dtype: dtype as WeightDType, shape: Object.freeze(shape), begin, end };
}

/** The exact number of bits; Infinity when it is beyond exact numbers, unless a dimension is 0. */
function bitsOf(shape: readonly number[], dtype: WeightDType): number {
  if (shape.includes(0)) return 0;
  const bits = shape.reduce((product, size) => product * size, infoOf(dtype).bits);
  return Number.isSafeInteger(bits) ? bits : Infinity;
}

/** Sorted by offset the tensors must follow each other without gap or overlap, from 0 to the end of the file. */
function checkLayout(tensors: ReadonlyMap<string, TensorHeader>, dataBytes: number): void {
  const sorted = [...tensors].sort(([, a], [, b]) => a.begin - b.begin || a.end - b.end);
  let position = 0;
  for (const [name, { begin, end }] of sorted) {
    if (begin !== position) {
      const problem = begin < position ? 'an overlap' : 'a gap';
      fail(`data_offsets of tensor ${quote(name)}`, `begin at ${position}`, `${begin}, ${problem}`);
    }
    position = end;
  }
  if (position !== dataBytes) {
    fail('tensors', "cover the file's data exactly", `${position} bytes of tensors and ${dataBytes} of data`);
  }
}

function fail(what: string, rule: string, got: string): never {
  throw new FormatError(`decodeSafetensors: ${what} must ${rule}, got ${got}.`);
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const isCounts = (value: unknown): value is number[] =>
  Array.isArray(value) && value.every((part) => typeof part === 'number');

const shorten = (text: string) => (text.length > 80 ? `${text.slice(0, 80)}...` : text);
const quote = (text: string) => `'${shorten(text)}'`;
const shapeText = (shape: readonly number[]) => shorten(shape.join(', '));
const typeName = (value: unknown) =>
  value === null ? 'null' : Array.isArray(value) ? `an array of ${value.length}` : typeof value;
