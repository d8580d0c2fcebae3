/** Shapes as plain number arrays: text for messages, sizes, strides. No tfjs. */

/** `[8, 4, 512]`, as messages print a shape. */
export function formatShape(shape: readonly (number | null)[]): string {
  return `[${shape.join(', ')}]`;
}

/** The number of elements of a shape: the product of its dimensions, 1 for a scalar. */
export function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, dimension) => product * dimension, 1);
}

/** Row-major strides in elements: [12, 4, 1] for [2, 3, 4]. */
export function stridesOf(shape: readonly number[]): number[] {
  const strides = new Array<number>(shape.length);
  let stride = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    strides[axis] = stride;
    stride *= shape[axis] as number;
  }
  return strides;
}

/** True if both shapes have the same rank and dimensions. */
export function sameShape(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((dimension, axis) => dimension === b[axis]);
}
