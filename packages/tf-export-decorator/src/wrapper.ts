/** Wrappers: a function that stands for another one, and is asked for the other's names. */
import { BadExportError } from './errors';

const targets = new WeakMap<object, object>();

/**
 * The wrapper itself, now known to stand for `target`: names given to either are found from both.
 *
 * @throws BadExportError if the chain of targets would lead back to the wrapper.
 * Source: TensorFlow's `tf_decorator.make_decorator`.
 */
export function markWrapper<T extends object>(wrapper: T, target: object): T {
  for (let next: object | undefined = target; next; next = targets.get(next)) {
    if (next === wrapper) {
      throw new BadExportError(
        'TFX011',
        'markWrapper: target must not lead back to the wrapper, got a cycle',
      );
    }
  }
  targets.set(wrapper, target);
  return wrapper;
}

/** The innermost target of a wrapper; anything else comes back as it is. */
export function unwrap(symbol: unknown): unknown {
  let inner = symbol;
  while (typeof inner === 'function' || (typeof inner === 'object' && inner !== null)) {
    const target = targets.get(inner);
    if (!target) break;
    inner = target;
  }
  return inner;
}
