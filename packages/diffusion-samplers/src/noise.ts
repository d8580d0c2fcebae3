/** Sources of the standard normal numbers that a run asks for. */
import { checkInteger, foldIn, key, normal, OptionError, sizeOf } from '@tfkit/core';

/**
 * One draw for the whole batch: draw -1 is the initial state, 0, 1, ... those of the steps. The same draw must be the
 * same numbers, whenever it is asked for.
 */
export type NoiseSource = (draw: number, shape: readonly number[]) => ArrayLike<number>;

/**
 * Noise that depends on (seed, item of the batch, draw) alone: item i is the same in a batch of any size, on every
 * backend and after a resume. The first axis of the shape is the batch.
 *
 * @param seed an integer in [0, 2^32).
 * @throws OptionError if an option or a number is out of its range.
 */
export function seededNoise(seed: number): NoiseSource {
  checkInteger(['seededNoise', 'seed'], seed, { min: 0, max: 2 ** 32 - 1 });
  const root = key(seed);
  return (draw, shape) => {
    const size = sizeOf(shape.slice(1));
    const out = new Float32Array((shape[0] ?? 1) * size);
    for (let item = 0; item * size < out.length; item++) {
      out.set(normal(foldIn(foldIn(root, item), draw + 1), size), item * size);
    }
    return out;
  };
}

/**
 * Draws that the caller made, in the order in which the plan counts them; `initial` is draw -1.
 *
 * @throws OptionError if an option or a number is out of its range.
 */
export function injectedNoise(draws: readonly ArrayLike<number>[], initial?: ArrayLike<number>): NoiseSource {
  return (draw, shape) => {
    const values = draw < 0 ? initial : draws[draw];
    if (!values) {
      throw new OptionError(
        `injectedNoise: draws must have draw ${draw < 0 ? 'initial' : draw} of shape [${shape.join(', ')}], got ${draws.length} draws.`,
      );
    }
    return values;
  };
}
