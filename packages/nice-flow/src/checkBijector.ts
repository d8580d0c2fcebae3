/** Tests of a layer, for your own layers as for ours: does the inverse invert, is the log-determinant that of the Jacobian? */
import * as tf from '@tensorflow/tfjs-core';
import { checkNumber, formatShape, ShapeError } from '@tfkit/core';
import { ensureGradients } from '@tfkit/core/tfjs';
import type { Bijector, FlowParameters, ObservedLayer, Scope } from './bijector';
import { forwardOf } from './combinators/chain';
import type { ContextOption, Flow } from './flow';
import { hostLogAbsDet } from './linearAlgebra';

export interface CheckBijectorOptions extends ContextOption {
  /** Default: none. */
  readonly parameters?: FlowParameters;
  /** Largest error allowed, relative to max(1, |value|). Default 1e-3, for float32. */
  readonly tolerance?: number;
}

export interface BijectorCheck {
  /** Whether every error is within the tolerance. */
  readonly passed: boolean;
  /** What is wrong, in words; empty if nothing is. */
  readonly problems: readonly string[];
  /** Largest |inverse(forward(x)) - x|, relative to max(1, |x|). */
  readonly roundTripError: number;
  /** Largest difference between the forward log-determinant and log|det| of the autodiff Jacobian, relative to max(1, |log det|). */
  readonly logDetError: number;
  /** Largest |logDet of forward + logDet of inverse|, relative alike. */
  readonly inverseLogDetError: number;
}

/**
 * Compares a bijector with what it must be, at the examples x: round trip, log-determinant against the exact Jacobian
 * (one backward pass for each entry of an example, so keep these small), and the inverse's log-determinant.
 *
 * @param x float32 [batch, ...event] with at most 4096 entries an example.
 * @throws ShapeError if an example is larger or there is none; it does not throw for a wrong layer: see `problems`.
 * @example
 * const { passed, problems } = await checkBijector(layer, x, { parameters });
 */
export async function checkBijector(
  bijector: Bijector,
  x: tf.Tensor,
  options: CheckBijectorOptions = {},
): Promise<BijectorCheck> {
  const { tolerance = 1e-3, context, parameters = {} } = options;
  checkNumber(['checkBijector', 'tolerance'], tolerance, { min: 0 });
  checkNotEmpty('checkBijector', x);
  const size = x.size / x.shape[0]!;
  if (size > 4096) {
    throw new ShapeError(`checkBijector: x must have at most 4096 entries an example, got ${size}.`);
  }
  await ensureGradients();
  const scope: Scope = { parameters, ...(context && { context }) };
  const exact = await exactLogDets(bijector, x, scope);
  const { values, back, logDet, inverseLogDet } = await roundTrip(bijector, x, scope);
  const errors = {
    roundTripError: worst(back, values),
    logDetError: worst(logDet, exact),
    inverseLogDetError: worst(
      inverseLogDet.map((value) => -value),
      logDet,
    ),
  };
  const problems = Object.entries({
    roundTripError: `inverse(forward(x)) differs from x`,
    logDetError: `logDet of forward differs from log|det| of the Jacobian (${logDet[0]} instead of ${exact[0]} for the first example)`,
    inverseLogDetError: `logDet of inverse is not minus that of forward`,
  }).flatMap(([name, text]) => {
    const error = errors[name as keyof typeof errors];
    return error <= tolerance
      ? []
      : [`${bijector.name}: ${text}; largest relative error ${error.toPrecision(3)}.`];
  });
  return { passed: problems.length === 0, problems, ...errors };
}

async function roundTrip(bijector: Bijector, x: tf.Tensor, scope: Scope) {
  const results = tf.tidy(() => {
    const { z, logDet } = bijector.forward(x, scope);
    const { x: back, logDet: inverseLogDet } = bijector.inverse(z, scope);
    return { back, logDet, inverseLogDet };
  });
  try {
    const [values, back, logDet, inverseLogDet] = await Promise.all(
      [x, results.back, results.logDet, results.inverseLogDet].map((tensor) => tensor.data()),
    );
    return { values: values!, back: back!, logDet: logDet!, inverseLogDet: inverseLogDet! };
  } finally {
    tf.dispose(results);
  }
}

/** log|det dz/dx| of each example from its Jacobian, eliminated in float64. Row j for all examples is one backward pass. */
async function exactLogDets(bijector: Bijector, x: tf.Tensor, scope: Scope): Promise<Float64Array> {
  const batch = x.shape[0]!;
  const size = x.size / batch;
  const jacobians = Array.from({ length: batch }, () => new Float64Array(size * size));
  const forward = (input: tf.Tensor) => bijector.forward(input, scope).z;
  const zShape = [batch, ...bijector.outputShape(x.shape.slice(1))];
  for (let j = 0; j < size; j++) {
    const row = tf.tidy(() => {
      const seed = Float32Array.from({ length: batch * size }, (_, at) => (at % size === j ? 1 : 0));
      return tf.grad(forward)(x, tf.tensor(seed, zShape));
    });
    const values = await row.data();
    row.dispose();
    for (const [b, jacobian] of jacobians.entries()) {
      jacobian.set(values.subarray(b * size, (b + 1) * size), j * size);
    }
  }
  return Float64Array.from(jacobians, (jacobian) => hostLogAbsDet(jacobian, size));
}

/** The largest difference relative to max(1, |expected|); Infinity if one is NaN. */
function worst(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  let largest = 0;
  for (let i = 0; i < actual.length; i++) {
    const error = Math.abs(actual[i]! - expected[i]!) / Math.max(1, Math.abs(expected[i]!));
    largest = error >= largest ? error : error < largest ? largest : Infinity;
  }
  return largest;
}

export interface LayerInversionError {
  /** The layer's name in the flow: 'level0.step3.actnorm'; 'flow' for the whole. */
  readonly layer: string;
  /** What kind of layer it is. */
  readonly kind: string;
  /** Largest |inverse(forward(x)) - x| over the batch, for x as it reaches the layer. */
  readonly largest: number;
  /** The mean of that absolute error. */
  readonly mean: number;
}

/**
 * How exactly each layer is inverted in the backend's float32, and last the whole flow: the layers amplify each other's
 * errors, and a single ill-conditioned one shows.
 *
 * @param x float32 [batch, ...shape], real data best.
 * @throws ShapeError if x is empty or of another shape.
 */
export async function inversionErrors(
  flow: Flow,
  x: tf.Tensor,
  options: ContextOption = {},
): Promise<LayerInversionError[]> {
  checkNotEmpty('inversionErrors', x);
  const measured: { layer: string; kind: string; error: tf.Tensor }[] = [];
  const difference = (bijector: Bijector, input: tf.Tensor, z: tf.Tensor, scope: Scope) =>
    tf.keep(tf.tidy(() => tf.abs(tf.sub(bijector.inverse(z, scope).x, input))));
  try {
    tf.tidy(() => {
      const observe = ({ path, bijector, scope, x: input, result }: ObservedLayer) => {
        const error = difference(bijector, input, result.z, { ...scope, observe: undefined });
        measured.push({ layer: path, kind: bijector.name, error });
      };
      const scope = flow.scope(options);
      const { z } = forwardOf(flow.bijector, x, { ...scope, observe });
      const error = difference(flow.bijector, x, z, scope);
      measured.push({ layer: 'flow', kind: flow.bijector.name, error });
    });
    return await Promise.all(
      measured.map(async ({ layer, kind, error }) => {
        const values = (await error.data()) as Float32Array;
        const sum = values.reduce((total, value) => total + value, 0);
        return { layer, kind, largest: largestOf(values), mean: sum / values.length };
      }),
    );
  } finally {
    tf.dispose(measured.map(({ error }) => error));
  }
}

/** NaN if one is. */
function largestOf(values: Float32Array): number {
  return values.reduce((most, value) => Math.max(most, value), 0);
}

function checkNotEmpty(name: string, x: tf.Tensor): void {
  if (x.size === 0) {
    throw new ShapeError(`${name}: x must hold at least one example, got ${formatShape(x.shape)}.`);
  }
}
