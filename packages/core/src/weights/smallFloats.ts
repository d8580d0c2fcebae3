/**
 * Floats of 8 and 16 bits: widened to float32 (exact), and rounded to nearest, ties to even.
 *
 * One description serves float16, bfloat16, float8 e5m2 and float8 e4m3 (the OCP formats): sign, exponent, mantissa. In
 * e4m3 there is no infinity: the largest exponent holds numbers too, and only all ones are NaN.
 */

export interface SmallFloat {
  readonly bits: number;
  readonly exponentBits: number;
  /** Whether the largest exponent stands for infinity and NaN alone, as in IEEE 754. */
  readonly infinities: boolean;
}

const word = new Uint32Array(1);
const float = new Float32Array(word.buffer);

/** The values as float32. */
export function fromSmallFloats(bytes: Uint8Array, format: SmallFloat): Float32Array {
  const table = wideningTable(format);
  if (format.bits === 8) return Float32Array.from(bytes, (code) => table[code] as number);
  const out = new Float32Array(bytes.length / 2);
  for (let i = 0; i < out.length; i++) out[i] = table[bytes[2 * i]! | (bytes[2 * i + 1]! << 8)] as number;
  return out;
}

const tables = new Map<SmallFloat, Float32Array>();

/** All values of a format by their code: at most 65,536. */
function wideningTable(format: SmallFloat): Float32Array {
  let table = tables.get(format);
  if (!table) {
    table = Float32Array.from({ length: 2 ** format.bits }, (_, code) => widen(code, format));
    tables.set(format, table);
  }
  return table;
}

function widen(code: number, { bits, exponentBits, infinities }: SmallFloat): number {
  const mantissaBits = bits - 1 - exponentBits;
  const sign = code >> (bits - 1) ? -1 : 1;
  const exponent = (code >> mantissaBits) & (2 ** exponentBits - 1);
  const mantissa = code & (2 ** mantissaBits - 1);
  const bias = 2 ** (exponentBits - 1) - 1;
  if (exponent === 2 ** exponentBits - 1) {
    if (infinities) return mantissa === 0 ? sign * Infinity : NaN;
    if (mantissa === 2 ** mantissaBits - 1) return NaN;
  }
  if (exponent === 0) return sign * mantissa * 2 ** (1 - bias - mantissaBits);
  return sign * (1 + mantissa / 2 ** mantissaBits) * 2 ** (exponent - bias);
}

/** The values rounded to the format. What is too large becomes infinity, or NaN where there is none, as in PyTorch. */
export function toSmallFloats(values: Float32Array | Float64Array, format: SmallFloat): Uint8Array {
  const out = format.bits === 8 ? new Uint8Array(values.length) : new Uint16Array(values.length);
  for (let i = 0; i < values.length; i++) out[i] = narrow(values[i] as number, format);
  return new Uint8Array(out.buffer);
}

function narrow(value: number, { bits, exponentBits, infinities }: SmallFloat): number {
  const mantissaBits = bits - 1 - exponentBits;
  const bias = 2 ** (exponentBits - 1) - 1;
  const sign = (value < 0 || Object.is(value, -0) ? 1 : 0) << (bits - 1);
  const top = (2 ** exponentBits - 1) << mantissaBits;
  const infinity = infinities ? top : top + 2 ** mantissaBits - 1;
  if (Number.isNaN(value)) return infinities ? top + 2 ** (mantissaBits - 1) : infinity;
  const magnitude = Math.abs(value);
  // The exponent of the float32 at or below it, and from it the step between neighbours in the format.
  float[0] = magnitude;
  if (magnitude === Infinity || float[0] === Infinity) return sign | infinity;
  let exponent = Math.max((word[0]! >>> 23) - 127, 1 - bias);
  if (2 ** exponent > magnitude && exponent > 1 - bias) exponent--; // a float64 that float32 rounded up to a power of two
  const steps = roundToEven(magnitude / 2 ** (exponent - mantissaBits));
  // A mantissa that rounds up to a whole power of two carries into the exponent by itself.
  const code = (exponent + bias - 1) * 2 ** mantissaBits + steps;
  return sign | Math.min(code, infinity);
}

function roundToEven(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor;
  return rest > 0.5 || (rest === 0.5 && floor % 2 === 1) ? floor + 1 : floor;
}
