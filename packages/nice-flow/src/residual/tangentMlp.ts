/** A smooth perceptron that also pushes tangents forward: what residual and continuous flows need of a Jacobian. */
import * as tf from '@tensorflow/tfjs-core';
import { checkInteger, type Key, ShapeError, split } from '@tfkit/core';
import { softplus } from '@tfkit/core/tfjs';
import { type EventSpec, type InitialValue, parameterOf, type Scope } from '../bijector';
import { gaussianValues, zeros } from '../initializers';

/** Smooth activations. All but 'softplus' and 'swish' have slopes in [-1, 1]. */
export type SmoothActivation = 'tanh' | 'elu' | 'lipswish' | 'softplus' | 'swish';

export const smoothActivations: readonly SmoothActivation[] = [
  'tanh',
  'elu',
  'lipswish',
  'softplus',
  'swish',
];

/** The slope of swish is at most 1.0998. */
const swishSlope = 1.1;

function activated(x: tf.Tensor, activation: SmoothActivation): { value: tf.Tensor; slope: tf.Tensor } {
  if (activation === 'tanh') {
    const value = tf.tanh(x);
    return { value, slope: tf.sub(1, tf.square(value)) };
  }
  if (activation === 'softplus') return { value: softplus(x), slope: tf.sigmoid(x) };
  if (activation === 'elu') {
    // The slope is written from min(x, 0), so that its gradient is finite where exp(x) is not.
    return { value: tf.elu(x), slope: tf.exp(tf.minimum(x, 0)) };
  }
  const s = tf.sigmoid(x);
  const divisor = activation === 'lipswish' ? swishSlope : 1;
  return {
    value: tf.div(tf.mul(x, s), divisor),
    slope: tf.div(tf.add(s, tf.mul(tf.mul(x, s), tf.sub(1, s))), divisor),
  };
}

export interface TangentMlp {
  init(key: Key, event: EventSpec): Record<string, InitialValue>;
  /**
   * The net with a scope's parameters: its value at x [batch, features], and a function that multiplies its Jacobian there
   * with tangents [batch, count, features]; both are differentiable.
   */
  open(
    scope: Scope,
  ): (x: tf.Tensor, time?: number) => { value: tf.Tensor; push: (tangents: tf.Tensor) => tf.Tensor };
}

export interface TangentMlpOptions {
  readonly name: string;
  readonly hidden: readonly number[];
  readonly activation: SmoothActivation;
  /** Whether the first layer also takes time, by the parameter '0.time'. */
  readonly hasTime: boolean;
  /** What each kernel is divided by: a number of at least 1 for kernels that are too large. */
  readonly divisor?: (kernel: tf.Tensor) => tf.Tensor;
}

/**
 * Parameters: '<i>.kernel' [in, out], '<i>.bias', with time '0.time' [units]; the rows of the first kernel are the features,
 * then the context.
 */
export function tangentMlp({ name, hidden, activation, hasTime, divisor }: TangentMlpOptions): TangentMlp {
  for (const units of hidden) checkInteger([name, 'hidden'], units, { min: 1 });
  return {
    init(key, { shape, contextSize }) {
      if (shape.length !== 1) {
        throw new ShapeError(
          `${name}: x must be vectors, got event shape [${shape.join(', ')}]. Use reshape().`,
        );
      }
      const sizes = [shape[0]! + contextSize, ...hidden, shape[0]!];
      const values: Record<string, InitialValue> = {};
      for (const [i, layerKey] of split(key, sizes.length - 1).entries()) {
        const isLast = i === hidden.length;
        const deviation = isLast && i > 0 ? 1e-2 : Math.sqrt(1 / sizes[i]!);
        values[`${i}.kernel`] = gaussianValues(layerKey, [sizes[i]!, sizes[i + 1]!], deviation);
        values[`${i}.bias`] = zeros([sizes[i + 1]!]);
        if (i === 0 && hasTime) values['0.time'] = zeros([sizes[1]!]);
      }
      return values;
    },
    open(scope) {
      const layers = Array.from({ length: hidden.length + 1 }, (_, i) => {
        const own = parameterOf(name, scope, `${i}.kernel`);
        const kernel = divisor ? tf.div(own, divisor(own)) : own;
        return { kernel, bias: parameterOf(name, scope, `${i}.bias`) };
      });
      const { context } = scope;
      return (x, time = 0) => {
        const features = x.shape[1]!;
        let y = context ? tf.concat([x, context], 1) : x;
        const steps = layers.map(({ kernel, bias }, i) => {
          let h: tf.Tensor = tf.add(tf.matMul(y, kernel), bias);
          if (i === 0 && hasTime) h = tf.add(h, tf.mul(parameterOf(name, scope, '0.time'), time));
          const rows = i === 0 ? tf.slice(kernel, [0, 0], [features, kernel.shape[1]!]) : kernel;
          const { value, slope } =
            i < hidden.length ? activated(h, activation) : { value: h, slope: undefined };
          y = value;
          return { kernel: rows, slope };
        });
        return { value: y, push: (tangents) => steps.reduce(pushThrough, tangents) };
      };
    },
  };
}

/** Tangents [batch, count, in] through a layer. */
function pushThrough(
  tangents: tf.Tensor,
  { kernel, slope }: { kernel: tf.Tensor; slope: tf.Tensor | undefined },
): tf.Tensor {
  const [batch, count, size] = tangents.shape as [number, number, number];
  const product = tf.matMul(tf.reshape(tangents, [batch * count, size]), kernel);
  const out = tf.reshape(product, [batch, count, kernel.shape[1]!]);
  return slope ? tf.mul(out, tf.expandDims(slope, 1)) : out;
}

/** The unit tangents of each example, [batch, features, features]: pushed, row i is the derivative to entry i. */
export function unitTangents(batch: number, features: number): tf.Tensor {
  return tf.tile(tf.expandDims(tf.eye(features), 0), [batch, 1, 1]);
}
