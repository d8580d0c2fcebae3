/** What a coupling layer's network is: named parameters and a function. */
import * as tf from '@tensorflow/tfjs-core';
import { checkRank, formatShape, type Key, OptionError, ShapeError } from '@tfkit/core';
import type { EventShape, InitialValues, Scope } from '../bijector';

/** What a net is asked for. */
export interface NetRequest {
  /** The shape of one input. */
  readonly inputShape: EventShape;
  /** Length of the output's last axis: features of a vector, channels of an image. */
  readonly outputs: number;
  /** Numbers of context per example; 0 without. */
  readonly contextSize: number;
}

/** A network with parameters of its own, which the flow keeps, trains and saves. */
export interface Net {
  init(key: Key, request: NetRequest): InitialValues;
  /** x [batch, ...inputShape] to [batch, ..., outputs]. `scope.context` is there if the flow has one. */
  apply(x: tf.Tensor, scope: Scope, outputs: number): tf.Tensor;
}

/** A function as net: of a model whose variables you keep and hand to `fit` as `variables`, or with none at all. */
export type NetFunction = (x: tf.Tensor, context: tf.Tensor | undefined, outputs: number) => tf.Tensor;

export function asNet(functionName: string, net: Net | NetFunction): Net {
  if (typeof net === 'function') {
    return { init: () => ({}), apply: (x, { context }, outputs) => net(x, context, outputs) };
  }
  if (typeof net?.init === 'function' && typeof net.apply === 'function') return net;
  throw new OptionError(
    `${functionName}: net must be a function or have init and apply, got ${net === null ? null : typeof net}. Make one with mlp() or convNet().`,
  );
}

/** Applies a net and checks that it gives `outputs` numbers where its input has its last axis. */
export function runNet(
  functionName: string,
  net: Net,
  x: tf.Tensor,
  scope: Scope,
  outputs: number,
): tf.Tensor {
  const y = net.apply(x, scope, outputs);
  const expected = [...x.shape.slice(0, -1), outputs];
  if (y.shape.length === expected.length && y.shape.every((size, axis) => size === expected[axis])) return y;
  throw new ShapeError(
    `${functionName}: net must give ${formatShape(expected)} for inputs ${formatShape(x.shape)}, got ${formatShape(y.shape)}.`,
  );
}

/** The functions between the layers of a net. */
export type Activation = 'relu' | 'tanh' | 'elu' | 'leaky-relu' | 'swish';

export const activationNames: readonly Activation[] = ['relu', 'tanh', 'elu', 'leaky-relu', 'swish'];

export function activate(x: tf.Tensor, activation: Activation): tf.Tensor {
  if (activation === 'relu') return tf.relu(x);
  if (activation === 'tanh') return tf.tanh(x);
  if (activation === 'elu') return tf.elu(x);
  if (activation === 'leaky-relu') return tf.leakyRelu(x, 0.01);
  return tf.mul(x, tf.sigmoid(x));
}

/** x with the context appended to its last axis, the same at every position of an image. */
export function withContext(functionName: string, x: tf.Tensor, context: tf.Tensor | undefined): tf.Tensor {
  if (!context) return x;
  checkRank([functionName, 'context'], context, 2, '[batch, contextSize]');
  if (context.shape[0] !== x.shape[0]) {
    throw new ShapeError(
      `${functionName}: context must have the batch of x, ${x.shape[0]}, got ${formatShape(context.shape)}.`,
    );
  }
  if (x.rank === 2) return tf.concat([x, context], 1);
  const [batch, size] = context.shape as [number, number];
  const inner = x.shape.slice(1, -1);
  const spread = tf.tile(tf.reshape(context, [batch, ...inner.map(() => 1), size]), [1, ...inner, 1]);
  return tf.concat([x, spread], -1);
}
