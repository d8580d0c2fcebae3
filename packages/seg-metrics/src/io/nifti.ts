/** NIfTI-1 and NIfTI-2 label volumes, gzipped or not. Source: nifti1.h and nifti2.h, NIH 2007 and 2011. */
import { FormatError, formatValue } from '@tfkit/core';
import { gunzipStart, inflate } from './inflate';
import type { LabelMap } from './labelMaps';
import { type DecodeLimits, defaultMaxPixels } from './limits';

const fault = (rule: string, got: unknown) =>
  new FormatError(`decodeNifti: file must ${rule}, got ${formatValue(got)}.`);

/** Bytes that may follow the voxels. */
const slack = 1 << 16;

type Reader = (view: DataView, at: number, little: boolean) => number;

const datatypes: Record<number, { bytes: number; read: Reader; make: (n: number) => LabelMap['data'] }> = {
  2: { bytes: 1, read: (v, i) => v.getUint8(i), make: (n) => new Uint8Array(n) },
  256: { bytes: 1, read: (v, i) => v.getInt8(i), make: (n) => new Int16Array(n) },
  4: { bytes: 2, read: (v, i, e) => v.getInt16(i, e), make: (n) => new Int16Array(n) },
  512: { bytes: 2, read: (v, i, e) => v.getUint16(i, e), make: (n) => new Uint16Array(n) },
  8: { bytes: 4, read: (v, i, e) => v.getInt32(i, e), make: (n) => new Int32Array(n) },
  768: { bytes: 4, read: (v, i, e) => v.getUint32(i, e), make: (n) => new Uint32Array(n) },
  16: { bytes: 4, read: (v, i, e) => v.getFloat32(i, e), make: (n) => new Float32Array(n) },
  64: { bytes: 8, read: (v, i, e) => v.getFloat64(i, e), make: (n) => new Float64Array(n) },
  1024: { bytes: 8, read: (v, i, e) => Number(v.getBigInt64(i, e)), make: (n) => new Float64Array(n) },
  1280: { bytes: 8, read: (v, i, e) => Number(v.getBigUint64(i, e)), make: (n) => new Float64Array(n) },
};

/**
 * A NIfTI volume. `shape` and `spacing` are in the order of the data, last fastest: [z, y, x] for a volume, since x is
 * fastest in the file; axes of size 1 at the end of `dim` are dropped. `scl_slope` and `scl_inter` are applied.
 *
 * @throws FormatError for what is truncated, corrupt, of an unknown datatype, or larger than `maxPixels`.
 */
export async function decodeNifti(bytes: Uint8Array, limits: DecodeLimits = {}): Promise<LabelMap> {
  const { maxPixels = defaultMaxPixels } = limits;
  const gzipped = bytes[0] === 0x1f && bytes[1] === 0x8b;
  // The header is read first, so that no more is inflated than the voxels it claims, and the limit allows.
  const start = gzipped ? await gunzipStart(bytes, 540, 'decodeNifti') : bytes;
  const header = readHeader(new DataView(start.buffer, start.byteOffset, start.byteLength));
  const { dim, datatype, offset, little } = header;
  const voxels = dim.reduce((a, b) => a * b, 1);
  if (!(voxels <= maxPixels)) {
    throw new FormatError(
      `decodeNifti: file must have at most ${maxPixels} voxels, got ${dim.join(' x ')}. Raise maxPixels if that is right.`,
    );
  }
  const kind = datatypes[datatype];
  if (!kind) throw fault('have a datatype of whole or real numbers', datatype);
  if (!(Number.isInteger(offset) && offset >= 348 && offset < 2 ** 24)) {
    throw fault('have its voxels after the header', offset);
  }
  const end = offset + voxels * kind.bytes;
  const raw = gzipped ? await inflate(bytes, 'gzip', end + slack, 'decodeNifti') : bytes;
  if (end > raw.length) {
    throw fault(`hold ${voxels} voxels of ${kind.bytes} bytes from byte ${offset}`, `${raw.length} bytes`);
  }
  const view = new DataView(raw.buffer, raw.byteOffset, raw.byteLength);
  const scaled = header.slope !== 0 && (header.slope !== 1 || header.intercept !== 0);
  const data = scaled ? new Float64Array(voxels) : kind.make(voxels);
  for (let i = 0; i < voxels; i++) {
    const value = kind.read(view, offset + i * kind.bytes, little);
    data[i] = scaled ? value * header.slope + header.intercept : value;
  }
  return {
    shape: [...dim].reverse(),
    data,
    spacing: [...header.pixdim].reverse(),
    affine: header.affine,
    unit: header.unit,
  };
}

function readHeader(view: DataView) {
  if (view.byteLength < 348) throw fault('hold a header of 348 bytes', `${view.byteLength} bytes`);
  const little = [348, 540].includes(view.getInt32(0, true));
  const size = view.getInt32(0, little);
  if (size !== 348 && size !== 540) throw fault('start with its header size', size);
  if (size === 540 && view.byteLength < 540) throw fault('hold a header of 540 bytes', view.byteLength);
  const two = size === 540;
  const magic = String.fromCharCode(
    ...Array.from({ length: 3 }, (_, i) => view.getUint8((two ? 4 : 344) + i)),
  );
  if (magic !== (two ? 'n+2' : 'n+1')) throw fault("have magic 'n+1' or 'n+2' (a single file)", magic);
  const i64 = (at: number) => Number(view.getBigInt64(at, little));
  const i16 = (at: number) => view.getInt16(at, little);
  const f32 = (at: number) => view.getFloat32(at, little);
  const f64 = (at: number) => view.getFloat64(at, little);
  const real = two ? f64 : f32;
  const width = two ? 8 : 4;
  const rank = two ? i64(16) : i16(40);
  if (!(rank >= 1 && rank <= 7)) throw fault('have 1 to 7 dimensions', rank);
  const dim = Array.from({ length: rank }, (_, i) => (two ? i64(24 + 8 * i) : i16(42 + 2 * i)));
  if (dim.some((n) => n < 1)) throw fault('have dimensions >= 1', dim);
  while (dim.length > 2 && dim.at(-1) === 1) dim.pop();
  const pixdimAt = two ? 104 : 76;
  const pixdim = dim.map((_, i) => Math.abs(real(pixdimAt + width * (i + 1))) || 1);
  if (!pixdim.every(Number.isFinite)) throw fault('have finite pixdim', pixdim);
  const units = two ? view.getInt32(500, little) : view.getUint8(123);
  const unit = ({ 1: 'm', 2: 'mm', 3: 'um' } as const)[(units & 7) as 1 | 2 | 3] ?? 'mm';
  return {
    little,
    dim,
    pixdim,
    unit,
    datatype: two ? i16(12) : i16(70),
    offset: two ? i64(168) : f32(108),
    slope: real(two ? 176 : 112),
    intercept: real(two ? 184 : 116),
    affine: readAffine(view, little, two),
  };
}

/** The sform if there is one, else the qform, else nothing. */
function readAffine(view: DataView, little: boolean, two: boolean): number[] | undefined {
  const real = (at: number) => (two ? view.getFloat64(at, little) : view.getFloat32(at, little));
  const code = (at: number) => (two ? view.getInt32(at, little) : view.getInt16(at, little));
  const width = two ? 8 : 4;
  if (code(two ? 348 : 254) > 0)
    return Array.from({ length: 12 }, (_, i) => real((two ? 400 : 280) + width * i));
  if (code(two ? 344 : 252) <= 0) return undefined;
  const [b, c, d, x, y, z] = Array.from({ length: 6 }, (_, i) => real((two ? 352 : 256) + width * i)) as [
    ...[number, number, number],
    ...[number, number, number],
  ];
  const a = Math.sqrt(Math.max(0, 1 - b * b - c * c - d * d));
  const pixdim = (i: number) => real((two ? 104 : 76) + width * i);
  const sign = pixdim(0) < 0 ? -1 : 1;
  const [dx, dy, dz] = [pixdim(1), pixdim(2), sign * pixdim(3)];
  return [
    ...[(a * a + b * b - c * c - d * d) * dx, 2 * (b * c - a * d) * dy, 2 * (b * d + a * c) * dz, x],
    ...[2 * (b * c + a * d) * dx, (a * a + c * c - b * b - d * d) * dy, 2 * (c * d - a * b) * dz, y],
    ...[2 * (b * d - a * c) * dx, 2 * (c * d + a * b) * dy, (a * a + d * d - b * b - c * c) * dz, z],
  ];
}
