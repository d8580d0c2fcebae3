/** Disposing tensors across awaits, where `tf.tidy` cannot help. */
import * as tf from '@tensorflow/tfjs-core';

/**
 * Runs an async function and disposes every tensor it handed to `own`, except those in its result; also when it
 * throws. Unlike a scope of tfjs' engine it sees only what it is given, so that two such functions may run interleaved.
 *
 * @example
 * const loss = await tidyAsync(async (own) => {
 *   const y = own(model(x));
 *   return (await y.data())[0];
 * });
 */
export async function tidyAsync<T>(
  body: (own: <U extends tf.Tensor>(tensor: U) => U) => Promise<T>,
): Promise<T> {
  const owned = new Set<tf.Tensor>();
  let result: T | undefined;
  try {
    result = await body((tensor) => {
      owned.add(tensor);
      return tensor;
    });
    return result;
  } finally {
    for (const tensor of tensorsIn(result)) owned.delete(tensor);
    for (const tensor of owned) tensor.dispose();
  }
}

function tensorsIn(value: unknown, seen = new Set<unknown>()): tf.Tensor[] {
  if (value instanceof tf.Tensor) return [value];
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value) || seen.has(value)) return [];
  seen.add(value);
  return Object.values(value).flatMap((part) => tensorsIn(part, seen));
}
