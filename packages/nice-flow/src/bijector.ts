/**
 * The contract of every layer. A bijector is an immutable description; its parameters are named tensors that each call
 * is given, so that training, averaging, checkpoints and importers need no access to the layer itself.
 *
 * x is data, z latent: `forward` maps x to z, and log p(x) = log p(z) + logDet with logDet = log|det dz/dx|.
 */
import * as tf from '@tensorflow/tfjs-core';
import { checkDType, foldIn, formatShape, type Key, OptionError, ShapeError, sameShape } from '@tfkit/core';
import { perSample } from './shapes';

/** The shape of one example, without the batch. */
export type EventShape = readonly number[];

/** Tensors by name: 'net.0.kernel'. Of a chain's layer: '<layer>.net.0.kernel'. */
export type FlowParameters = Readonly<Record<string, tf.Tensor>>;

/** A parameter before it is a tensor: drawn on the host, so that a flow begins alike on every backend. */
export interface InitialValue {
  readonly shape: readonly number[];
  readonly data: Float32Array;
  /** False for what gradient descent leaves alone: permutations, signs, moving statistics. Default true. */
  readonly trainable?: boolean;
}

/** Parameters by name, as a layer starts with them. */
export type InitialValues = Readonly<Record<string, InitialValue>>;

/** What a layer is told when its parameters are made. */
export interface EventSpec {
  readonly shape: EventShape;
  /** Numbers of context per example; 0 without. */
  readonly contextSize: number;
}

/**
 * 'evaluation': as trained. 'training': batch statistics are those of the batch. 'initialization': layers that learn
 * from data set themselves by this batch. Layers hand back what they changed as `updates`.
 */
export type Mode = 'evaluation' | 'training' | 'initialization';

/** What every call is given beside its tensor. */
export interface Scope {
  /** The parameters of this layer, under its own names. */
  readonly parameters: FlowParameters;
  /** float32 [batch, contextSize], what the density is conditioned on. */
  readonly context?: tf.Tensor;
  /** Default 'evaluation'. */
  readonly mode?: Mode;
  /** For layers whose log-determinant is estimated: fresh noise for each key. `fit` gives one each step; without, their noise is fixed. */
  readonly key?: Key;
  /** Where the layer is, for messages: 'level0.step3.actnorm'. */
  readonly path?: string;
  /** Told each layer's input and result by the combinators, in the order in which they run forward. */
  readonly observe?: (layer: ObservedLayer) => void;
}

/** One layer of a flow with the input that it met. */
export interface ObservedLayer {
  readonly path: string;
  readonly bijector: Bijector;
  readonly scope: Scope;
  readonly x: tf.Tensor;
  readonly result: ForwardResult;
}

/** z [batch, ...latent] and log abs det of the Jacobian [batch] in nats. */
export interface ForwardResult {
  readonly z: tf.Tensor;
  /** log|det dz/dx| in nats, float32 [batch]. */
  readonly logDet: tf.Tensor1D;
  /** New values of parameters, outside of 'evaluation' alone. */
  readonly updates?: Readonly<Record<string, tf.Tensor>>;
}

/** x [batch, ...event] and log abs det of the inverse's Jacobian [batch] in nats. */
export interface InverseResult {
  readonly x: tf.Tensor;
  /** log|det dx/dz| in nats, float32 [batch]. */
  readonly logDet: tf.Tensor1D;
}

export interface Bijector {
  /** What kind of layer it is, as messages name it: 'affineCoupling'. */
  readonly name: string;
  /** The shape of z for x of this shape. Throws a ShapeError if the layer cannot take it. */
  outputShape(inputShape: EventShape): EventShape;
  /** The shape of x for z of this shape. */
  inputShape(outputShape: EventShape): EventShape;
  /** The parameters' first values for examples of a shape, from a key. */
  init(key: Key, event: EventSpec): InitialValues;
  /** x [batch, ...shape] to z. The caller disposes what is returned. */
  forward(x: tf.Tensor, scope: Scope): ForwardResult;
  /** z to x. The caller disposes what is returned. */
  inverse(z: tf.Tensor, scope: Scope): InverseResult;
}

/** What `defineBijector` completes. A log-determinant may be a number, a scalar, or [batch]. */
export interface BijectorDefinition {
  readonly name: string;
  /** Default: the same shape. */
  outputShape?(inputShape: EventShape): EventShape;
  /** Default: the same shape. */
  inputShape?(outputShape: EventShape): EventShape;
  /** Default: no parameters. */
  init?(key: Key, event: EventSpec): InitialValues;
  forward(
    x: tf.Tensor,
    scope: Scope,
  ): {
    readonly z: tf.Tensor;
    readonly logDet: tf.Tensor | number;
    readonly updates?: Readonly<Record<string, tf.Tensor>>;
  };
  inverse(z: tf.Tensor, scope: Scope): { readonly x: tf.Tensor; readonly logDet: tf.Tensor | number };
}

/**
 * A bijector of your own: checks shapes, runs in a tidy, and makes every log-determinant [batch]. Test it with
 * `checkBijector`.
 *
 * @throws ShapeError if ranks or shapes disagree.
 *
 * @example
 * const leaky = defineBijector({
 *   name: 'leaky',
 *   forward: (x) => ({ z: tf.mul(x, 2), logDet: x.shape[1] * Math.log(2) }),
 *   inverse: (z) => ({ x: tf.div(z, 2), logDet: -z.shape[1] * Math.log(2) }),
 * });
 */
export function defineBijector(definition: BijectorDefinition): Bijector {
  const { name } = definition;
  const outputShape = definition.outputShape ?? ((shape: EventShape) => shape);
  const inputShape = definition.inputShape ?? ((shape: EventShape) => shape);
  const compact: CompactForward = (x, scope) =>
    tf.tidy(() => {
      const expected = outputShape(eventOf(name, 'x', x));
      const result = definition.forward(x, scope);
      checkResult(name, 'z', result.z, expected);
      return { ...result };
    });
  return withCompactForward(compact, {
    name,
    outputShape,
    inputShape,
    init: definition.init ?? (() => ({})),
    inverse: (z, scope) =>
      tf.tidy(() => {
        const expected = inputShape(eventOf(name, 'z', z));
        const { x, logDet } = definition.inverse(z, scope);
        checkResult(name, 'x', x, expected);
        return { x, logDet: perSample(logDet, z.shape[0]!) };
      }),
  });
}

/** A forward pass whose log-determinant is a number, a scalar or [batch], as the layer has it. */
type CompactForward = (
  x: tf.Tensor,
  scope: Scope,
) => {
  readonly z: tf.Tensor;
  readonly logDet: tf.Tensor | number;
  readonly updates?: Readonly<Record<string, tf.Tensor>>;
};

const compactForwards = new WeakMap<Bijector, CompactForward>();

/** A bijector whose `forward` is a compact one made [batch]; combinators find the compact one by `compactForward`. */
export function withCompactForward(compact: CompactForward, rest: Omit<Bijector, 'forward'>): Bijector {
  const bijector: Bijector = {
    ...rest,
    forward: (x, scope) =>
      tf.tidy(() => {
        const { z, logDet, updates } = compact(x, scope);
        return { z, logDet: perSample(logDet, x.shape[0]!), ...(updates && { updates }) };
      }),
  };
  compactForwards.set(bijector, compact);
  return bijector;
}

/** The forward pass for a combinator: what does not depend on the example stays one number, which saves ops on every layer. */
export function compactForward(bijector: Bijector, x: tf.Tensor, scope: Scope): ReturnType<CompactForward> {
  return (compactForwards.get(bijector) ?? bijector.forward)(x, scope);
}

function eventOf(name: string, argument: string, tensor: tf.Tensor): EventShape {
  checkDType([name, argument], tensor, ['float32']);
  if (tensor.rank >= 2) return tensor.shape.slice(1);
  throw new ShapeError(
    `${name}: ${argument} must have rank 2 or more [batch, ...event], got rank ${tensor.rank} ${formatShape(tensor.shape)}.`,
  );
}

function checkResult(name: string, argument: string, result: tf.Tensor, expected: EventShape): void {
  const shape = result.shape.slice(1);
  if (sameShape(shape, expected)) return;
  throw new ShapeError(
    `${name}: ${argument} must come out with the event shape ${formatShape(expected)}, got ${formatShape(shape)}.`,
  );
}

/** The tensor of a parameter, in the shape it was made with; an OptionError that names it if there is none. */
export function parameterOf(name: string, scope: Scope, parameter: string): tf.Tensor {
  const found = scope.parameters[parameter];
  if (found) return found;
  throw new OptionError(
    `${name}: parameters must have '${parameter}'${scope.path ? ` of layer '${scope.path}'` : ''}, got ${Object.keys(scope.parameters).join(', ') || 'none'}.`,
  );
}

/** The scope of a layer's part: the parameters under `<name>.`, without that prefix. */
export function childScope(scope: Scope, name: string): Scope {
  const prefix = `${name}.`;
  const parameters: Record<string, tf.Tensor> = {};
  for (const key of Object.keys(scope.parameters)) {
    if (key.startsWith(prefix)) parameters[key.slice(prefix.length)] = scope.parameters[key]!;
  }
  const path = scope.path ? `${scope.path}.${name}` : name;
  return { ...scope, parameters, path, ...(scope.key && { key: foldIn(scope.key, textHash(name)) }) };
}

/** FNV-1a: layers of different names get different noise. */
function textHash(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193) >>> 0;
  return hash;
}

/** Records under `<name>.`: the reverse of `childScope`. */
export function prefixed<T>(
  name: string,
  record: Readonly<Record<string, T>> | undefined,
): Record<string, T> {
  return Object.fromEntries(Object.entries(record ?? {}).map(([key, value]) => [`${name}.${key}`, value]));
}
