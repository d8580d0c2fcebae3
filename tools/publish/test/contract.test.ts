/**
 * What holds of every public function of every package: bad input gives an error of a documented class, in one form, and
 * leaks nothing. The functions are those of the API goldens; their arguments are made from the types of their parameters,
 * or written by hand in samples/ where those do not do.
 */
import * as tf from '@tensorflow/tfjs-core';
import { describeBackends } from '@tfkit/test-kit';
import { expect, it } from 'vitest';
import { argumentsOf } from '../src/contract/arguments';
import { badCalls } from '../src/contract/bad';
import { publicFunctions } from '../src/contract/functions';
import { samples } from '../src/contract/samples/index';

/** The classes that docstrings name: core's, and those that ddp and tf-export-decorator export. */
const documented =
  /^(Shape|DType|Option|Value|Backend|Format|Collective|Rank|InvalidSymbolName|SymbolAlreadyExposed|DuplicateName|DeprecatedNamesAlreadySet|BadExport|TfExport|Input)Error$/;

describeBackends(
  'bad input of',
  () => {
    for (const found of publicFunctions()) {
      const sample = samples[found.title];
      const skipped = typeof sample === 'string' ? sample : undefined;
      it.skipIf(skipped)(skipped ? `${found.title} (skipped: ${skipped})` : found.title, async ({ skip }) => {
        const run = (
          (await import(/* @vite-ignore */ found.file)) as Record<string, (...a: unknown[]) => unknown>
        )[found.name]!;
        const valid = typeof sample === 'function' ? sample : () => argumentsOf(found);
        if (sample === undefined && !(await isUsable(run, valid))) {
          skip('arguments made from types alone do not do; src/contract/samples may give them');
        } else expect(await judge(run, valid), 'valid arguments').toBeUndefined();
        const wrong: string[] = [];
        for (const { title, make } of badCalls(valid)) {
          const verdict = await judge(run, make);
          if (verdict) wrong.push(`${title}: ${verdict}`);
        }
        expect(wrong.join('\n')).toBe('');
      });
    }
  },
  { only: ['cpu'] },
);

/** Calls and forgets; what is wrong with the error or with the tensors left, if anything. */
async function judge(run: (...a: unknown[]) => unknown, make: () => unknown[]): Promise<string | undefined> {
  const before = tf.memory().numTensors;
  const args = make();
  let verdict: string | undefined;
  try {
    await forget(await run(...args));
  } catch (error) {
    const { name, message } = error as Error;
    if (!documented.test(name)) verdict = `${name}: ${message}`;
    else if (!/^([\w.#$@/'"() -]+: |TFX\d{3} )\S/.test(message)) verdict = `the form of '${message}'`;
  }
  await forget(args);
  const left = tf.memory().numTensors - before;
  return verdict ?? (left > 0 ? `leaks ${left} tensors` : undefined);
}

async function isUsable(run: (...a: unknown[]) => unknown, valid: () => unknown[]): Promise<boolean> {
  try {
    return (await judge(run, valid)) === undefined;
  } catch {
    return false;
  }
}

/** Disposes tensors wherever they are in a value, and objects that can dispose themselves; runs an iterator to its end. */
async function forget(value: unknown): Promise<void> {
  if (value === null || typeof value !== 'object' || ArrayBuffer.isView(value)) return;
  if (value instanceof tf.Tensor) {
    if (!value.isDisposed) value.dispose();
  } else if (Symbol.asyncIterator in value) {
    // What it shows at each step is its own.
    for await (const _ of value as AsyncIterable<unknown>);
  } else if ('dispose' in value && typeof value.dispose === 'function') {
    // A layer of tfjs-layers has nothing before it is built, and says so by an error.
    if (!('built' in value && value.built === false)) value.dispose();
  } else if (Array.isArray(value) || [Object.prototype, null].includes(Object.getPrototypeOf(value))) {
    for (const member of Object.values(value)) await forget(member);
  }
}
