/** Monotone rational-quadratic splines: an elementwise map with as many degrees of freedom as it has bins, and a closed inverse. */
import * as tf from '@tensorflow/tfjs-core';
import { checkInteger, checkNumber, checkOneOf, formatShape, ShapeError, sizeOf } from '@tfkit/core';
import { defineOp } from '@tfkit/core/tfjs';
import { type Bijector, defineBijector, parameterOf } from '../bijector';
import { type CouplingOptions, coupling, type Transformer } from '../bijectors/coupling';
import { gaussianValues } from '../initializers';
import { hostKernels } from '../ops/hostKernels';
import { lastOf, sumEvent } from '../shapes';
import { composedSpline, composedSplineGradient } from './composedSpline';
import { hostSpline, hostSplineGradient } from './hostSpline';
import { type SplineSpec, type SplineTails, splineOutputs } from './spec';

export interface RationalQuadraticOptions {
  /** At least 1. Default 8. */
  readonly bins?: number;
  /** The splines map [-bound, bound] to itself. Positive. Default 3. */
  readonly bound?: number;
  /**
   * Outside of the interval. 'identity': z = x. 'linear': on with the learnt slope of the ends. 'circular': the interval is
   * a circle, for angles with bound Math.PI; z(x + 2 bound) = z(x) + 2 bound. Default 'identity'.
   */
  readonly tails?: SplineTails;
  /** Least width of a bin as a share of the interval, in [0, 1 / bins). Default 1e-3. */
  readonly minBinWidth?: number;
  /** Least height, alike. Default 1e-3. */
  readonly minBinHeight?: number;
  /** Least slope at a knot, 0 or more. Default 1e-3. */
  readonly minDerivative?: number;
  /** How a raw number becomes a slope above the least: 'softplus' (the paper's), or 'exp' (zuko's). Default 'softplus'. */
  readonly derivatives?: 'softplus' | 'exp';
}

type SplineInputs = { x: tf.Tensor; raw: tf.Tensor };
type SplineAttributes = { spec: SplineSpec };

const splineGradient = /* @__PURE__ */ defineOp<SplineInputs & { dy: tf.Tensor }, SplineAttributes>({
  name: 'NiceFlowSplineGradient',
  forward: (inputs, { spec }) => composedSplineGradient(inputs, spec),
  kernels: /* @__PURE__ */ hostKernels(
    (inputs: SplineInputs & { dy: tf.Tensor }, { spec }: SplineAttributes) =>
      hostSplineGradient(inputs, spec),
  ),
  gradient: () => ({}),
});

const spline = /* @__PURE__ */ defineOp<SplineInputs, SplineAttributes>({
  name: 'NiceFlowSpline',
  forward: (inputs, { spec }) => composedSpline(inputs, spec),
  kernels: /* @__PURE__ */ hostKernels((inputs: SplineInputs, { spec }: SplineAttributes) =>
    hostSpline(inputs, spec),
  ),
  gradient(dy, { inputs }, attributes) {
    const [x, raw] = splineGradient.all({ ...inputs, dy }, attributes) as [tf.Tensor, tf.Tensor];
    return { x: () => tf.clone(x), raw: () => tf.clone(raw) };
  },
});

/** The spec of options, checked. */
function specOf(functionName: string, options: RationalQuadraticOptions): Omit<SplineSpec, 'direction'> {
  const { bins = 8, bound = 3, tails = 'identity', derivatives = 'softplus' } = options;
  const { minBinWidth = 1e-3, minBinHeight = 1e-3, minDerivative = 1e-3 } = options;
  checkInteger([functionName, 'bins'], bins, { min: 1 });
  checkNumber([functionName, 'bound'], bound, { min: 0, open: 'min' });
  checkOneOf([functionName, 'tails'], tails, ['identity', 'linear', 'circular']);
  checkOneOf([functionName, 'derivatives'], derivatives, ['softplus', 'exp']);
  checkNumber([functionName, 'minBinWidth'], minBinWidth, { min: 0, max: 1 / bins, open: 'max' });
  checkNumber([functionName, 'minBinHeight'], minBinHeight, { min: 0, max: 1 / bins, open: 'max' });
  checkNumber([functionName, 'minDerivative'], minDerivative, { min: 0 });
  return { bins, bound, tails, minBinWidth, minBinHeight, minDerivative, derivatives };
}

/** Any rank; the last axis of raw is outputs times that of x. */
function runSpline(
  x: tf.Tensor,
  raw: tf.Tensor,
  spec: SplineSpec,
): { value: tf.Tensor; logSlope: tf.Tensor } {
  const n = lastOf(x.shape);
  const flat = { x: tf.reshape(x, [-1, n]), raw: tf.reshape(raw, [-1, lastOf(raw.shape)]) };
  const [value, logSlope] = tf.unstack(spline(flat, { spec })) as [tf.Tensor, tf.Tensor];
  return { value: tf.reshape(value, x.shape), logSlope: tf.reshape(logSlope, x.shape) };
}

/**
 * z and log|dz/dx| of a monotone rational-quadratic spline at each x. With theta = (x - x_k) / w_k and s = h_k / w_k in bin k,
 * z = y_k + h_k (s theta^2 + d_k theta (1 - theta)) / (s + (d_k + d_k+1 - 2 s) theta (1 - theta)).
 *
 * @param x float32 [..., n].
 * @param raw float32 [..., outputs * n]: for all n the first number, then for all the second. `bins` widths and `bins` heights
 * (softmax), and slopes: bins - 1 at the inner knots for 'identity' tails, bins + 1 for 'linear', bins for 'circular'.
 * @param options.direction 'inverse': the first argument is z, the value x; `logSlope` is log|dz/dx| all the same.
 * @returns float32, both of x's shape. Differentiable once; finite for any finite x and raw. The caller disposes them.
 * @throws ShapeError if raw does not fit; OptionError for a bad option.
 * Source: Durkan et al., Neural Spline Flows, NeurIPS 2019, eq. 4-8 (arXiv:1906.04032); the inverse takes the root that does
 * not cancel.
 */
export function rationalQuadraticSpline(
  x: tf.Tensor,
  raw: tf.Tensor,
  options: RationalQuadraticOptions & { readonly direction?: 'forward' | 'inverse' } = {},
): { value: tf.Tensor; logSlope: tf.Tensor } {
  const name = 'rationalQuadraticSpline';
  const { direction = 'forward' } = options;
  checkOneOf([name, 'direction'], direction, ['forward', 'inverse']);
  const spec = specOf(name, options);
  const wanted = [...x.shape.slice(0, -1), splineOutputs(spec) * (x.shape.at(-1) ?? 0)];
  if (x.rank === 0 || raw.shape.join() !== wanted.join()) {
    throw new ShapeError(
      `${name}: raw must have shape ${formatShape(wanted)} for x ${formatShape(x.shape)}, got ${formatShape(raw.shape)}.`,
    );
  }
  return tf.tidy(() => runSpline(x, raw, { ...spec, direction }));
}

/**
 * The spline as transformer of `coupling` and `autoregressive`. Zeros from the net give equal bins and slopes of
 * ln 2 + minDerivative at the inner knots, close to the identity.
 *
 * @throws OptionError for a bad option.
 */
export function rationalQuadratic(options: RationalQuadraticOptions = {}): Transformer {
  const spec = specOf('rationalQuadratic', options);
  return {
    outputs: splineOutputs(spec),
    forward(x, raw) {
      const { value, logSlope } = runSpline(x, raw, { ...spec, direction: 'forward' });
      return { z: value, logScale: logSlope };
    },
    inverse(z, raw) {
      const { value, logSlope } = runSpline(z, raw, { ...spec, direction: 'inverse' });
      return { x: value, logScale: logSlope };
    },
  };
}

/**
 * A coupling layer with rational-quadratic splines: z_b = spline(x_b; net(x_a)).
 *
 * Parameters: 'net.*'.
 * @throws OptionError for a bad option; ShapeError, when used, if the mask does not fit.
 * @example
 * const layer = splineCoupling({ mask: 'even', net: mlp(), bins: 8, bound: 4 });
 */
export function splineCoupling(options: CouplingOptions & RationalQuadraticOptions): Bijector {
  return coupling({ ...options, transformer: rationalQuadratic(options), name: 'splineCoupling' });
}

/**
 * The same spline for every example: one for each entry, learnt as numbers rather than by a net.
 *
 * Parameters: 'raw' [outputs, entries of an example], as `rationalQuadraticSpline` has them.
 * @throws OptionError for a bad option.
 */
export function elementwiseSpline(options: RationalQuadraticOptions = {}): Bijector {
  const name = 'elementwiseSpline';
  const transformer = rationalQuadratic(options);
  const spread = (x: tf.Tensor, scope: Parameters<Bijector['forward']>[1]) => {
    const raw = parameterOf(name, scope, 'raw');
    return tf.mul(tf.ones([x.shape[0]!, 1]), tf.reshape(raw, [1, -1]));
  };
  const flat = (x: tf.Tensor) => tf.reshape(x, [x.shape[0]!, -1]);
  return defineBijector({
    name,
    init: (key, { shape }) => ({
      raw: gaussianValues(key, [transformer.outputs, sizeOf(shape)], 1e-2),
    }),
    forward(x, scope) {
      const { z, logScale } = transformer.forward(flat(x), spread(x, scope), scope);
      return { z: tf.reshape(z, x.shape), logDet: sumEvent(logScale!) };
    },
    inverse(z, scope) {
      const { x, logScale } = transformer.inverse(flat(z), spread(z, scope), scope);
      return { x: tf.reshape(x, z.shape), logDet: tf.neg(sumEvent(logScale!)) };
    },
  });
}
