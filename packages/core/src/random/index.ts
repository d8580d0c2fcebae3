/**
 * `import * as random from '@tfkit/core/random'`: random numbers from keys, equal on every backend and to JAX's.
 * The names are those of `jax.random`.
 */
export {
  bernoulli,
  bits,
  normal,
  permutation,
  randint,
  type ShapeOrCount,
  type UniformOptions,
  uniform,
} from './distributions';
export { foldIn, type Key, key, split } from './keys';
