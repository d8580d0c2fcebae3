/** Every public function that takes a key: the same key gives the same numbers, on all backends, and another key others. */
import * as tf from '@tensorflow/tfjs-core';
import { type Key, key } from '@tfkit/core';
import { describeBackends } from '@tfkit/test-kit';
import { describe, expect, it } from 'vitest';
import { argumentsOf } from '../src/contract/arguments';
import { type PublicFunction, publicFunctions } from '../src/contract/functions';
import { samples } from '../src/contract/samples';

type Run = (...args: unknown[]) => unknown;

/** Those with a parameter of type Key, or an option of that type. */
const random = publicFunctions().filter(({ parameters, declarations }) =>
  parameters.some(({ type }) => {
    const members = declarations[type]?.forms.flatMap((form) => form.members ?? []) ?? [];
    return type === 'Key' || members.some((member) => member.type === 'Key');
  }),
);
/** Their numbers have been through a flow, whose kernels round in ways of their own. */
const computed = /#(fit|fitDensity|evaluate)$/;
/** The numbers of the first backend. */
const seeds = new Map<string, number[]>();

describe('functions of a key', () => {
  it('are found in the API goldens', () => expect(random.length).toBeGreaterThan(15));
});

describeBackends('a key reproduces', () => {
  for (const found of random) {
    it(found.title, async ({ skip }) => {
      const run = ((await import(/* @vite-ignore */ found.file)) as Record<string, Run>)[found.name]!;
      const numbers = (seed: number) => call(run, argumentsWith(found, key(seed)));
      let first: number[];
      try {
        first = await numbers(1);
      } catch {
        return skip('arguments made from types alone do not do; src/contract/samples may give them');
      }
      if (first.length === 0)
        return skip('gives an object of functions, whose numbers its own tests compare');
      const expectSame = (actual: number[], expected: number[]) =>
        computed.test(found.title)
          ? expect(actual).toBeAllclose(expected, { rtol: 1e-5, atol: 1e-6 })
          : expect(actual).toEqual(expected);
      expectSame(await numbers(1), first);
      if (new Set(first).size > 1) expect(await numbers(2)).not.toEqual(first);
      if (!seeds.has(found.title)) seeds.set(found.title, first);
      expectSame(first, seeds.get(found.title)!);
    });
  }
});

function argumentsWith(found: PublicFunction, chosen: Key): unknown[] {
  const sample = samples[found.title];
  const args = typeof sample === 'function' ? sample() : argumentsOf(found);
  return args.map((value, i) => {
    if (found.parameters[i]?.type === 'Key') return chosen;
    if (value !== null && typeof value === 'object' && 'key' in value) return { ...value, key: chosen };
    return value;
  });
}

async function call(run: Run, args: unknown[]): Promise<number[]> {
  const numbers: number[] = [];
  await collect(await run(...args), numbers, 0);
  tf.dispose(args as unknown as tf.Tensor[]);
  return numbers;
}

/** All numbers in a value: of tensors, typed arrays, lists and plain objects. */
async function collect(value: unknown, into: number[], depth: number): Promise<void> {
  if (typeof value === 'number') into.push(value);
  else if (value instanceof tf.Tensor) {
    into.push(...((await value.data()) as Float32Array));
    if (!value.isDisposed) value.dispose();
  } else if (ArrayBuffer.isView(value)) into.push(...(value as Float32Array));
  else if (value !== null && typeof value === 'object' && depth < 4) {
    for (const member of Object.values(value)) await collect(member, into, depth + 1);
  }
}
