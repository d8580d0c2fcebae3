/**
 * Tries the matrix' ops on one backend: `matrixWorker.ts <backend> stock | tfkit`. Stock means tfjs' own gradients and the
 * backend's own kernels, tfkit that core ensured both. Answers each line `{name}` with a `Report`.
 */
import { createInterface } from 'node:readline';
import * as tf from '@tensorflow/tfjs-core';
import { numericalVjp, seededTensor, seededUniform } from '@tfkit/test-kit';
import { loadNodeBackend, type nodeBackends } from '@tfkit/test-kit/node-backends';
import { type MatrixCase, matrixCases } from './matrixCases';

/** `error` is relative to the largest magnitude of the reference; `ms` the median time at a larger size, null if it throws there. */
export type Outcome = { error: number; ms: number | null } | { message: string };
export interface Report {
  readonly forward: Outcome;
  readonly gradient: Outcome;
}

/** The error of another number of values and of NaN; JSON has no infinity. */
const unusable = 1e9;
const timedSize = 8;

async function main(backend: (typeof nodeBackends)[number], variant: string): Promise<void> {
  // Standard output is for answers alone.
  console.log = console.error;
  await loadNodeBackend(backend);
  if (variant === 'stock') await import('@tfkit/core/gradients/table');
  else {
    const { ensureGradients, ensureKernels } = await import('@tfkit/core/tfjs');
    await ensureGradients();
    await ensureKernels();
  }
  for await (const line of createInterface({ input: process.stdin })) {
    const { name } = JSON.parse(line) as { name: string };
    const create = matrixCases[name]!;
    const report: Report = {
      forward: await outcome(() => forwardError(create(1)), create, forward),
      gradient: await outcome(() => gradientError(create(1)), create, gradient),
    };
    process.stdout.write(`${JSON.stringify(report)}\n`);
  }
  process.exit(0);
}

type Pass = (c: MatrixCase, inputs: tf.Tensor[]) => tf.Tensor[];

const forward: Pass = ({ op }, inputs) => [op(...inputs)];

/** Forward, and the gradients to all inputs for the cotangent `dy`. */
function gradient({ op }: MatrixCase, inputs: tf.Tensor[], dy?: tf.Tensor): tf.Tensor[] {
  return tf.grads((...xs: tf.Tensor[]) => op(...xs))(inputs, dy);
}

async function outcome(
  check: () => Promise<number>,
  create: (size: number) => MatrixCase,
  pass: Pass,
): Promise<Outcome> {
  try {
    return { error: await check(), ms: await time(create(timedSize), pass).catch(() => null) };
  } catch (error) {
    return { message: error instanceof Error ? error.message : String(error) };
  }
}

const inputsOf = ({ shapes }: MatrixCase) => shapes.map((shape, index) => seededTensor(1 + index, shape));

/** The float32 values of `inputsOf`, for the reference. */
const arraysOf = ({ shapes }: MatrixCase) =>
  shapes.map((shape, index) => {
    const count = shape.reduce((product, dimension) => product * dimension, 1);
    return Float64Array.from(Float32Array.from(seededUniform(1 + index, count)));
  });

async function forwardError(c: MatrixCase): Promise<number> {
  const [y] = tf.tidy(() => forward(c, inputsOf(c)));
  return relativeError(await y!.data(), c.reference(...arraysOf(c)));
}

/** The largest error of all inputs' vector-Jacobian products, against central differences of the reference. */
async function gradientError(c: MatrixCase): Promise<number> {
  const arrays = arraysOf(c);
  const cotangent = Float32Array.from(seededUniform(4711, c.reference(...arrays).length));
  const gradients = tf.tidy(() => {
    const inputs = inputsOf(c);
    const shape = c.op(...inputs).shape;
    return gradient(c, inputs, tf.tensor(cotangent, shape));
  });
  const errors: number[] = [];
  for (const [index, tensor] of gradients.entries()) {
    const expected = numericalVjp(c.reference, arrays, Float64Array.from(cotangent), index);
    errors.push(relativeError(await tensor.data(), expected));
  }
  tf.dispose(gradients);
  return Math.max(...errors);
}

function relativeError(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  if (actual.length !== expected.length) return unusable;
  const largest = Array.from(expected).reduce((most, value) => Math.max(most, Math.abs(value)), 1e-6);
  const errors = Array.from(expected, (value, i) => Math.abs(actual[i]! - value) / largest);
  return errors.reduce((most, error) => (Number.isFinite(error) ? Math.max(most, error) : unusable), 0);
}

/** Milliseconds, the median of 3 after a warm-up; the result is read back inside. */
async function time(c: MatrixCase, pass: Pass): Promise<number> {
  const inputs = inputsOf(c);
  const samples: number[] = [];
  for (let round = 0; round < 4; round++) {
    const start = performance.now();
    const outputs = tf.tidy(() => pass(c, inputs));
    await Promise.all(outputs.map((output) => output.data()));
    samples.push(performance.now() - start);
    tf.dispose(outputs);
  }
  tf.dispose(inputs);
  return samples.slice(1).sort((a, b) => a - b)[1]!;
}

main(process.argv[2] as (typeof nodeBackends)[number], process.argv[3]!).catch((error) => {
  console.error(error);
  process.exit(1);
});
