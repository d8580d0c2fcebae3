/** Seeded random numbers, computed on the host: the same on every machine and backend. */
import { uniformFloat64 } from 'pure-rand/distribution/uniformFloat64';
import { uniformInt } from 'pure-rand/distribution/uniformInt';
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus';

export interface Random {
  /** A number in [low, high). */
  uniform(low?: number, high?: number): number;
  /** A whole number in [low, high]. */
  integer(low: number, high: number): number;
  /** A standard normal number. */
  normal(): number;
  /** Uniform bytes, much faster than one call each. */
  bytes(count: number): Uint8Array;
  /** One of the items, each as likely. */
  pick<T>(items: readonly T[]): T;
}

/** A generator whose numbers depend on `seed` (an integer) and, so that streams do not overlap, on `stream`. */
export function createRandom(seed: number, stream = 0): Random {
  const generator = xoroshiro128plus(mix(mix(seed) ^ stream));
  const unit = () => uniformFloat64(generator);
  return {
    uniform: (low = 0, high = 1) => low + unit() * (high - low),
    integer: (low, high) => uniformInt(generator, low, high),
    normal: () => Math.sqrt(-2 * Math.log(1 - unit())) * Math.cos(2 * Math.PI * unit()),
    bytes: (count) => {
      const bytes = new Uint8Array(Math.ceil(count / 4) * 4);
      for (let word = 0; word < bytes.length; word += 4) {
        const bits = generator.next();
        for (let part = 0; part < 4; part++) bytes[word + part] = bits >>> (8 * part);
      }
      return bytes.subarray(0, count);
    },
    pick: (items) => {
      if (items.length === 0) throw new Error('random.pick: items must not be empty.');
      return items[uniformInt(generator, 0, items.length - 1)]!;
    },
  };
}

/** A bijection of 32-bit integers that spreads neighbours apart (the finaliser of MurmurHash3). */
function mix(value: number): number {
  let bits = Math.imul(value ^ 0x9e3779b9, 0x85ebca6b);
  bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35);
  return bits ^ (bits >>> 16);
}
