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
  /** One of the items, each as likely. */
  pick<T>(items: readonly T[]): T;
}

/** A generator whose numbers depend on `seed` (an integer) and, so that streams do not overlap, on `stream`. */
export function createRandom(seed: number, stream = 0): Random {
  const generator = xoroshiro128plus(Math.imul(seed, 0x9e3779b1) ^ stream);
  const unit = () => uniformFloat64(generator);
  return {
    uniform: (low = 0, high = 1) => low + unit() * (high - low),
    integer: (low, high) => uniformInt(generator, low, high),
    normal: () => Math.sqrt(-2 * Math.log(1 - unit())) * Math.cos(2 * Math.PI * unit()),
    pick: (items) => {
      if (items.length === 0) throw new Error('random.pick: items must not be empty.');
      return items[uniformInt(generator, 0, items.length - 1)]!;
    },
  };
}
