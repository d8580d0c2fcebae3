/**
 * The dtypes of safetensors 0.8 and the typed array that holds the values of each.
 *
 * Little-endian machines only, as all that run JavaScript engines are: the arrays are views of the file's bytes.
 */
import { checkOneOf } from '../checks';
import { DTypeError } from '../errors';
import { fromSmallFloats, type SmallFloat, toSmallFloats } from './smallFloats';

/** The typed arrays that hold weights. */
export type WeightArray =
  | Float32Array
  | Float64Array
  | Int32Array
  | Uint32Array
  | Int16Array
  | Uint16Array
  | Int8Array
  | Uint8Array
  | BigInt64Array
  | BigUint64Array;

interface DTypeInfo {
  readonly bits: number;
  /** The array of the values: a view of the bytes, or for small floats a float32 copy. Absent: bytes only. */
  readonly array?: new (
    buffer: ArrayBuffer,
    byteOffset: number,
    length: number,
  ) => WeightArray;
  readonly smallFloat?: SmallFloat;
}

const small = (bits: number, exponentBits: number, infinities = true): DTypeInfo => ({
  bits,
  smallFloat: { bits, exponentBits, infinities },
});

/** In the order by which files are sorted, largest alignment last. */
export const dtypes = {
  BOOL: { bits: 8, array: Uint8Array },
  F4: { bits: 4 },
  F6_E2M3: { bits: 6 },
  F6_E3M2: { bits: 6 },
  U8: { bits: 8, array: Uint8Array },
  I8: { bits: 8, array: Int8Array },
  F8_E5M2: small(8, 5),
  F8_E4M3: small(8, 4, false),
  F8_E8M0: { bits: 8 },
  F8_E4M3FNUZ: { bits: 8 },
  F8_E5M2FNUZ: { bits: 8 },
  I16: { bits: 16, array: Int16Array },
  U16: { bits: 16, array: Uint16Array },
  F16: small(16, 5),
  BF16: small(16, 8),
  I32: { bits: 32, array: Int32Array },
  U32: { bits: 32, array: Uint32Array },
  F32: { bits: 32, array: Float32Array },
  C64: { bits: 64 },
  F64: { bits: 64, array: Float64Array },
  I64: { bits: 64, array: BigInt64Array },
  U64: { bits: 64, array: BigUint64Array },
} as const satisfies Record<string, DTypeInfo>;

/** The dtypes of the safetensors format, as its header spells them. */
export type WeightDType = keyof typeof dtypes;

export const dtypeNames = Object.keys(dtypes) as WeightDType[];

export const infoOf = (dtype: WeightDType): DTypeInfo => dtypes[dtype];

/** What `toTypedArray` gives for a dtype. */
export type ArrayOf<D extends WeightDType> = D extends 'F16' | 'BF16' | 'F8_E5M2' | 'F8_E4M3'
  ? Float32Array
  : (typeof dtypes)[D] extends { readonly array: new (...args: never[]) => infer A }
    ? A
    : never;

/** The dtype whose bytes an array already has. */
export function dtypeOf(array: WeightArray): WeightDType | undefined {
  return dtypeNames.find((name) => {
    const { array: View } = infoOf(name);
    return name !== 'BOOL' && View !== undefined && array instanceof View;
  });
}

/** The bytes of a dtype as values: a view where they are aligned, else a copy; small floats widen to float32. */
export function decodeValues(dtype: WeightDType, bytes: Uint8Array): WeightArray {
  checkOneOf(['toTypedArray', 'dtype'], dtype, dtypeNames);
  const { array: View, smallFloat, bits } = infoOf(dtype);
  if (smallFloat) return fromSmallFloats(bytes, smallFloat);
  if (!View) {
    throw new DTypeError(
      `toTypedArray: dtype must be one with a typed array, got ${dtype}. Its packed values are in \`bytes\`.`,
    );
  }
  const aligned = bytes.byteOffset % (bits / 8) === 0 ? bytes : bytes.slice();
  return new View(aligned.buffer as ArrayBuffer, aligned.byteOffset, aligned.byteLength / (bits / 8));
}

/** The bytes of `values` as a dtype: themselves if it is theirs, rounded if it is a small float, else undefined. */
export function encodeValues(dtype: WeightDType, values: WeightArray): Uint8Array | undefined {
  const { array: View, smallFloat } = infoOf(dtype);
  if (smallFloat && (values instanceof Float32Array || values instanceof Float64Array)) {
    return toSmallFloats(values, smallFloat);
  }
  if (!View || !(values instanceof View)) return undefined;
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}
