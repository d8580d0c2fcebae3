/** Variations of valid arguments, each with one thing wrong: rank, dtype, NaN, nothing in it, or far too much. */
import * as tf from '@tensorflow/tfjs-core';

export interface BadCall {
  /** `argument 1: NaN`. */
  readonly title: string;
  make(): unknown[];
}

/** All bad calls; `valid` makes fresh arguments each time. */
export function badCalls(valid: () => unknown[]): BadCall[] {
  const calls: BadCall[] = [];
  tf.tidy(() => {
    const found = valid().flatMap((value, position) =>
      variations(value).map(([what, change]) => ({
        title: `argument ${position + 1}: ${what}`,
        make: () => {
          // In a tidy: what the bad argument replaces or was made from is nobody's leak.
          const args = tf.tidy(() => {
            const given = valid();
            const replaced = tensorsOf(given);
            given[position] = change(given[position]);
            const kept = tensorsOf(given);
            for (const tensor of kept) tf.keep(tensor);
            for (const tensor of replaced) {
              if (tensor instanceof tf.Variable && !kept.includes(tensor)) tensor.dispose();
            }
            return given as unknown as tf.Tensor[];
          });
          return args as unknown[];
        },
      })),
    );
    calls.push(...found);
  });
  return calls;
}

/** Tensors anywhere in the arguments. */
function tensorsOf(value: unknown): tf.Tensor[] {
  if (value instanceof tf.Tensor) return [value];
  if (value === null || typeof value !== 'object' || ArrayBuffer.isView(value)) return [];
  return Object.values(value).flatMap(tensorsOf);
}

type Variation = readonly [what: string, change: (value: unknown) => unknown];

function variations(value: unknown, depth = 0): Variation[] {
  if (value instanceof tf.Tensor) return ofTensor(value);
  if (typeof value === 'number') {
    return [Number.NaN, Number.POSITIVE_INFINITY, -1, 0.5, 1e300].map((bad) => [String(bad), () => bad]);
  }
  if (typeof value === 'string') return [['an unknown word', () => 'no such word']];
  if (ArrayBuffer.isView(value) && !(value instanceof DataView)) return ofTyped(value as Float32Array);
  if (Array.isArray(value)) return ofArray(value);
  if (value !== null && typeof value === 'object' && depth < 2 && isPlain(value)) {
    return Object.entries(value).flatMap(([name, member]) =>
      variations(member, depth + 1).map(
        ([what, change]): Variation => [
          `${name}: ${what}`,
          (given) => ({ ...(given as object), [name]: change((given as Record<string, unknown>)[name]) }),
        ],
      ),
    );
  }
  return [];
}

/** An object that a user writes: not a frozen one, as a plan, nor one with methods, as a schedule, which a package made. */
const isPlain = (value: object) =>
  Object.getPrototypeOf(value) === Object.prototype &&
  !Object.isFrozen(value) &&
  !Object.values(value).some((member) => typeof member === 'function');

function ofTensor({ shape, rank }: tf.Tensor): Variation[] {
  return [
    ['a rank more', (x) => tf.expandDims(x as tf.Tensor, 0)],
    ...(rank > 0 ? [['a scalar', () => tf.scalar(1)] as const] : []),
    ['strings', () => tf.fill(shape, 'a', 'string')],
    ['bool', () => tf.zeros(shape, 'bool')],
    ['NaN', () => tf.fill(shape, Number.NaN)],
    ['nothing in it', () => tf.zeros([0, ...shape.slice(1)])],
    ['no channels', () => tf.zeros([...shape.slice(0, -1), 0])],
    ['huge values', () => tf.fill(shape, 3e38)],
  ];
}

function ofTyped(array: Float32Array): Variation[] {
  const make = array.constructor as Float32ArrayConstructor;
  return [
    ['nothing in it', () => new make(0)],
    ['one more', () => new make(array.length + 1)],
    ['NaN', () => make.from(array, () => Number.NaN)],
    ['huge values', () => make.from(array, () => 3e38)],
  ];
}

function ofArray(array: readonly unknown[]): Variation[] {
  const elements = array.length > 0 ? variations(array[0], 1) : [];
  return [
    ['nothing in it', () => []],
    ...elements.map(
      ([what, change]): Variation => [
        `element 1: ${what}`,
        (given) => (given as unknown[]).map((each, i) => (i === 0 ? change(each) : each)),
      ],
    ),
  ];
}
