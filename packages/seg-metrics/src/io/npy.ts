/** NumPy's .npy arrays of whole or real numbers. Source: numpy.lib.format, versions 1 to 3. */
import { FormatError, formatValue, sizeOf } from '@tfkit/core';
import type { LabelMap } from './labelMaps';
import { type DecodeLimits, defaultMaxPixels } from './limits';

const fault = (rule: string, got: unknown) =>
  new FormatError(`decodeNpy: file must ${rule}, got ${formatValue(got)}.`);

type Read = (view: DataView, at: number, little: boolean) => number;
const readers: Record<string, [Read, (n: number) => LabelMap['data']]> = {
  b1: [(v, i) => v.getUint8(i), (n) => new Uint8Array(n)],
  u1: [(v, i) => v.getUint8(i), (n) => new Uint8Array(n)],
  i1: [(v, i) => v.getInt8(i), (n) => new Int16Array(n)],
  u2: [(v, i, e) => v.getUint16(i, e), (n) => new Uint16Array(n)],
  i2: [(v, i, e) => v.getInt16(i, e), (n) => new Int16Array(n)],
  u4: [(v, i, e) => v.getUint32(i, e), (n) => new Uint32Array(n)],
  i4: [(v, i, e) => v.getInt32(i, e), (n) => new Int32Array(n)],
  f4: [(v, i, e) => v.getFloat32(i, e), (n) => new Float32Array(n)],
  f8: [(v, i, e) => v.getFloat64(i, e), (n) => new Float64Array(n)],
  u8: [(v, i, e) => Number(v.getBigUint64(i, e)), (n) => new Float64Array(n)],
  i8: [(v, i, e) => Number(v.getBigInt64(i, e)), (n) => new Float64Array(n)],
};

/** The array of a .npy file in C order; Fortran order is transposed. Throws FormatError. */
export function decodeNpy(bytes: Uint8Array, limits: DecodeLimits = {}): LabelMap {
  const { maxPixels = defaultMaxPixels } = limits;
  const magic = String.fromCharCode(...bytes.subarray(1, 6));
  if (bytes[0] !== 0x93 || magic !== 'NUMPY' || bytes.length < 12)
    throw fault('start with the npy magic', magic);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const wide = bytes[6]! >= 2;
  const headerLength = wide ? view.getUint32(8, true) : view.getUint16(8, true);
  const start = (wide ? 12 : 10) + headerLength;
  if (start > bytes.length) throw fault(`hold a header of ${headerLength} bytes`, `${bytes.length} bytes`);
  const text = new TextDecoder('latin1').decode(bytes.subarray(wide ? 12 : 10, start));
  const descr = /'descr':\s*'([<>|=])([a-z]\d)'/.exec(text);
  const shapeText = /'shape':\s*\(([\d,\s]*)\)/.exec(text)?.[1];
  const [read, make] = readers[descr?.[2] ?? ''] ?? [];
  if (!read || !make || shapeText === undefined) {
    throw fault('have a dtype of whole or real numbers and a shape', text.slice(0, 80));
  }
  const shape = shapeText
    .split(',')
    .filter((part) => part.trim())
    .map(Number);
  const size = sizeOf(shape);
  if (!(size <= maxPixels)) {
    throw new FormatError(
      `decodeNpy: file must have at most ${maxPixels} elements, got [${shape}]. Raise maxPixels if that is right.`,
    );
  }
  const width = Number(descr![2]![1]);
  if (bytes.length - start < size * width) {
    throw fault(`hold ${size} elements of ${width} bytes`, `${bytes.length - start} bytes`);
  }
  const little = descr![1] !== '>';
  const data = make(size);
  for (let i = 0; i < size; i++) data[i] = read(view, start + i * width, little);
  return { shape, data: /'fortran_order':\s*True/.test(text) ? toCOrder(data, shape) : data };
}

function toCOrder(data: LabelMap['data'], shape: readonly number[]): LabelMap['data'] {
  const result = data.slice();
  const position = shape.map(() => 0);
  const strides = shape.map((_, axis) => sizeOf(shape.slice(0, axis)));
  for (let i = 0; i < data.length; i++) {
    result[i] = data[position.reduce((sum, at, axis) => sum + at * strides[axis]!, 0)]!;
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      if (++position[axis]! < shape[axis]!) break;
      position[axis] = 0;
    }
  }
  return result;
}
