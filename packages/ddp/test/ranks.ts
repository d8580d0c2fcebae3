/** Runs the functions of test/ranks in ranks, from the built package. */
import { tfjsNodeAnchor, webgpuModuleFolder } from '@tfkit/test-kit/availability';
import { spawn } from '../src/index';

export const paths = { tfjsNode: tfjsNodeAnchor(), dawn: webgpuModuleFolder() };

export const rankFile = (name: string): URL => new URL(`./ranks/${name}.mjs`, import.meta.url);

/** Long enough for a machine that does other work too. */
export const timeout = 60_000;

/** One function of train.mjs on `size` ranks. */
export function train<T>(name: string, size: number, argument: Record<string, unknown>): Promise<T[]> {
  return spawn<T, readonly unknown[]>(rankFile('train'), size, {
    exportName: name,
    args: [{ paths, ...argument }],
    timeout,
  }) as Promise<T[]>;
}

/** The largest difference between two lists or records of arrays. */
export function difference(
  a: Record<string, ArrayLike<number>> | ArrayLike<number>[],
  b: Record<string, ArrayLike<number>> | ArrayLike<number>[],
): number {
  const [first, second] = [a, b] as Record<string, ArrayLike<number>>[];
  let worst = Object.keys(first!).length === Object.keys(second!).length ? 0 : Number.NaN;
  for (const [name, values] of Object.entries(first!)) {
    const other = second![name]!;
    for (let i = 0; i < values.length; i++) {
      const distance = Math.abs(values[i]! - other[i]!);
      // NaN must not pass for equal.
      if (!(distance <= worst)) worst = distance;
    }
  }
  return worst;
}
