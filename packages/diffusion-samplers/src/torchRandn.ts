/**
 * `torch.randn` on the CPU, bit for bit: Mersenne Twister 19937 and two algorithms. Fewer than 16 numbers come from
 * Box-Muller in float64, two at a time; 16 or more from Box-Muller in float32 on blocks of 16, with the polynomials of
 * Cephes that torch's AVX2 code uses for log, sin and cos.
 *
 * Sources: Matsumoto and Nishimura, ACM TOMACS 8 (1998); Moshier, Cephes (logf, sinf, cosf). torch uses the AVX2 code on
 * x86 processors since 2013; elsewhere (Arm, very old x86) its large arrays differ in the last bit.
 */
import { checkInteger, sizeOf } from '@tfkit/core';
import type { NoiseSource } from './noise';

/** MT19937, seeded as `manual_seed` does (the low 32 bits). */
function mersenneTwister(seed: number): () => number {
  const state = new Uint32Array(624);
  state[0] = seed;
  for (let i = 1; i < 624; i++) {
    const previous = state[i - 1]! ^ (state[i - 1]! >>> 30);
    state[i] = Math.imul(1812433253, previous) + i;
  }
  let at = 624;
  const refill = () => {
    for (let i = 0; i < 624; i++) {
      const y = (state[i]! & 0x80000000) | (state[(i + 1) % 624]! & 0x7fffffff);
      state[i] = state[(i + 397) % 624]! ^ (y >>> 1) ^ (y & 1 ? 0x9908b0df : 0);
    }
    at = 0;
  };
  return () => {
    if (at === 624) refill();
    let y = state[at++]!;
    y ^= y >>> 11;
    y ^= (y << 7) & 0x9d2c5680;
    y ^= (y << 15) & 0xefc60000;
    return (y ^ (y >>> 18)) >>> 0;
  };
}

const f = Math.fround;

/** a * b + c rounded once: the product of two float32 is exact in float64, and ties of the sum are rare enough. */
const fma = (a: number, b: number, c: number): number => f(a * b + c);

const bits = new DataView(new ArrayBuffer(4));

const logCoefficients = [
  7.0376836292e-2, -1.151461031e-1, 1.167699874e-1, -1.2420140846e-1, 1.4249322787e-1, -1.6668057665e-1,
  2.0000714765e-1, -2.4999993993e-1, 3.3333331174e-1,
].map(f);

/** The natural logarithm of a float32 in (0, 1]. */
function logOf(value: number): number {
  bits.setFloat32(0, value);
  const pattern = bits.getUint32(0);
  let exponent = (pattern >>> 23) - 126;
  bits.setUint32(0, (pattern & 0x007fffff) | 0x3f000000);
  let x = bits.getFloat32(0);
  if (x < f(Math.SQRT1_2)) {
    exponent -= 1;
    x = f(f(x - 1) + x);
  } else x = f(x - 1);
  const z = f(x * x);
  let y = logCoefficients[0]!;
  for (let i = 1; i < 9; i++) y = fma(y, x, logCoefficients[i]!);
  y = fma(f(y * x), z, f(exponent * f(-2.1219444e-4)));
  y = fma(z, -0.5, y);
  x = f(x + y);
  return fma(exponent, f(0.693359375), x);
}

/** [sin, cos] of a float32 in [0, 2 pi). */
function sinCosOf(angle: number): [number, number] {
  let octant = Math.trunc(f(angle * f(1.27323954473516)));
  octant = (octant + 1) & ~1;
  let x = fma(octant, f(-0.78515625), angle);
  x = fma(octant, f(-2.4187564849853516e-4), x);
  x = fma(octant, f(-3.774894977445941e-8), x);
  const z = f(x * x);
  let c = fma(f(2.443315711809948e-5), z, f(-1.388731625493765e-3));
  c = fma(c, z, f(4.166664568298827e-2));
  c = f(fma(f(c * z), z, -0.5 * z) + 1);
  let s = fma(f(-1.9515295891e-4), z, f(8.3321608736e-3));
  s = fma(s, z, f(-1.6666654611e-1));
  s = f(s * z);
  s = fma(s, x, x);
  const swap = (octant & 2) !== 0;
  const sine = swap ? c : s;
  const cosine = swap ? s : c;
  return [octant & 4 ? -sine : sine, (octant - 2) & 4 ? cosine : -cosine];
}

/** Draws of standard normal numbers that share one generator, as calls of `torch.randn(..., generator=g)` do. */
export function torchNormal(seed: number | bigint): (count: number) => Float32Array {
  const word = mersenneTwister(Number(BigInt.asUintN(32, BigInt(seed))));
  const double = () => {
    const high = word() & 0x1fffff;
    return (high * 2 ** 32 + word()) * 2 ** -53;
  };
  let cached: number | undefined;
  const one = () => {
    if (cached !== undefined) {
      const value = cached;
      cached = undefined;
      return value;
    }
    const angle = 2 * Math.PI * double();
    const radius = Math.sqrt(-2 * Math.log1p(-double()));
    cached = radius * Math.sin(angle);
    return radius * Math.cos(angle);
  };
  const uniform = () => (word() & 0xffffff) * 2 ** -24;
  return (count) => {
    if (count < 16) return Float32Array.from({ length: count }, one);
    const out = new Float32Array(count);
    for (let i = 0; i < count; i++) out[i] = uniform();
    for (let start = 0; start + 16 <= count; start += 16) normalBlock(out, start);
    if (count % 16) {
      // The last 16 are drawn anew.
      for (let i = count - 16; i < count; i++) out[i] = uniform();
      normalBlock(out, count - 16);
    }
    return out;
  };
}

function normalBlock(out: Float32Array, start: number): void {
  for (let i = start; i < start + 8; i++) {
    const radius = f(Math.sqrt(f(-2 * logOf(f(1 - out[i]!)))));
    const [sine, cosine] = sinCosOf(f(f(2 * Math.PI) * out[i + 8]!));
    out[i] = f(radius * cosine);
    out[i + 8] = f(radius * sine);
  }
}

/**
 * Standard normal numbers equal to `torch.randn(shape, generator=torch.Generator().manual_seed(seed))` in float32.
 *
 * @param seed any integer; torch uses its low 32 bits.
 * @returns Float32Array, row-major.
 * @throws OptionError if seed or a length of shape is no integer.
 */
export function torchRandn(seed: number | bigint, shape: readonly number[]): Float32Array {
  checkSeed('torchRandn', seed);
  for (const length of shape) checkInteger(['torchRandn', 'shape'], length, { min: 0 });
  checkInteger(['torchRandn', 'the size of shape'], sizeOf(shape), { max: 2 ** 32 - 1 });
  return torchNormal(seed)(sizeOf(shape));
}

/**
 * The noise of `torch.Generator().manual_seed(seed)` on the CPU, drawn as a diffusers pipeline does: the initial state,
 * then each step's, one after the other: each draw a Float32Array of the length of its shape.
 *
 * @throws OptionError if seed is no integer.
 */
export function torchNoise(seed: number | bigint): NoiseSource {
  checkSeed('torchNoise', seed);
  let next = -1;
  let generator = torchNormal(seed);
  return (draw, shape) => {
    if (draw < next) {
      next = -1;
      generator = torchNormal(seed);
    }
    for (; next < draw; next++) generator(sizeOf(shape));
    next++;
    return generator(sizeOf(shape));
  };
}

function checkSeed(name: string, seed: number | bigint): void {
  if (typeof seed !== 'bigint') checkInteger([name, 'seed'], seed);
}
