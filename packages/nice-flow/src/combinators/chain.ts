/** Layers one after the other, and a layer the other way round. */
import * as tf from '@tensorflow/tfjs-core';
import { formatValue, OptionError, split } from '@tfkit/core';
import {
  type Bijector,
  childScope,
  compactForward,
  type EventShape,
  type InitialValue,
  type InverseResult,
  prefixed,
  type Scope,
  withCompactForward,
} from '../bijector';
import { perSample } from '../shapes';

/**
 * The layers in order: forward runs the first first, the log-determinants add up.
 *
 * @param layers a list (named '0', '1', ...), or a record whose keys name the layers and their parameters
 * ('<layer>.<parameter>').
 * @throws OptionError if a name has a dot or is empty; ShapeError, when used, if a layer does not take what the one before gives.
 */
export function chain(layers: readonly Bijector[] | Readonly<Record<string, Bijector>>): Bijector {
  const entries = Object.entries(layers as Readonly<Record<string, Bijector>>);
  for (const [name, layer] of entries) {
    if (name === '' || name.includes('.')) {
      throw new OptionError(`chain: layers must have names without dots, got ${formatValue(name)}.`);
    }
    if (typeof layer?.forward !== 'function') {
      throw new OptionError(`chain: layer '${name}' must be a bijector, got ${formatValue(layer)}.`);
    }
  }
  const compact = (x: tf.Tensor, scope: Scope) =>
    tf.tidy(() => {
      let z: tf.Tensor = tf.clone(x);
      const logDets: (tf.Tensor | number)[] = [];
      let updates: Record<string, tf.Tensor> | undefined;
      for (const [name, layer] of entries) {
        const result = forwardOf(layer, z, childScope(scope, name));
        z = result.z;
        logDets.push(result.logDet);
        if (result.updates) updates = { ...updates, ...prefixed(name, result.updates) };
      }
      return { z, logDet: sumOf(logDets), ...(updates && { updates }) };
    });
  return withCompactForward(compact, {
    name: 'chain',
    outputShape: (shape) => entries.reduce((current, [, layer]) => layer.outputShape(current), shape),
    inputShape: (shape) => entries.reduceRight((current, [, layer]) => layer.inputShape(current), shape),
    init(key, { shape, contextSize }) {
      const keys = split(key, Math.max(1, entries.length));
      const values: Record<string, InitialValue> = {};
      let current: EventShape = shape;
      for (const [i, [name, layer]] of entries.entries()) {
        const next = layer.outputShape(current);
        Object.assign(values, prefixed(name, layer.init(keys[i]!, { shape: current, contextSize })));
        current = next;
      }
      return values;
    },
    inverse: (z, scope) =>
      tf.tidy(() => {
        let x: tf.Tensor = tf.clone(z);
        let logDet: tf.Tensor = perSample(0, z.shape[0]!);
        for (const [name, layer] of [...entries].reverse()) {
          const result = layer.inverse(x, childScope(scope, name));
          x = result.x;
          logDet = tf.add(logDet, result.logDet);
        }
        return { x, logDet: logDet as tf.Tensor1D };
      }),
  });
}

/** The sum of numbers, scalars and [batch], each kind for itself first. (`tf.addN` of more than 7 tensors is invalid on webgpu.) */
function sumOf(values: readonly (tf.Tensor | number)[]): tf.Tensor | number {
  const constant = values.reduce<number>((sum, value) => (typeof value === 'number' ? sum + value : sum), 0);
  const tensors = values.filter((value) => typeof value !== 'number');
  const sums = [0, 1].flatMap((rank) => {
    const [first, ...others] = tensors.filter((tensor) => tensor.rank === rank);
    return first ? [others.reduce((sum, tensor) => tf.add(sum, tensor), first)] : [];
  });
  const total = sums.length === 2 ? tf.add(sums[0]!, sums[1]!) : sums[0];
  return total && constant !== 0 ? tf.add(total, constant) : (total ?? constant);
}

/** The layers that only hold others: what observers are told of are those inside. */
const holders = new Set(['chain', 'split']);

/** A layer's forward pass, told to the scope's observer. */
export function forwardOf(layer: Bijector, x: tf.Tensor, scope: Scope): ReturnType<typeof compactForward> {
  if (!scope.observe || holders.has(layer.name)) return compactForward(layer, x, scope);
  const result = layer.forward(x, scope);
  scope.observe({ path: scope.path ?? layer.name, bijector: layer, scope, x, result });
  return result;
}

/**
 * A bijector the other way round: its forward is the other's inverse.
 *
 * Layers that learn from data ('initialization', batch statistics) do not when inverted: z is not theirs to see.
 */
export function invert(bijector: Bijector): Bijector {
  const evaluation = (scope: Scope): Scope => ({ ...scope, mode: 'evaluation' });
  return {
    name: `invert(${bijector.name})`,
    outputShape: (shape) => bijector.inputShape(shape),
    inputShape: (shape) => bijector.outputShape(shape),
    init: (key, { shape, contextSize }) =>
      bijector.init(key, { shape: bijector.inputShape(shape), contextSize }),
    forward(x, scope) {
      const { x: z, logDet } = bijector.inverse(x, evaluation(scope));
      return { z, logDet };
    },
    inverse(z, scope): InverseResult {
      const { z: x, logDet } = bijector.forward(z, evaluation(scope));
      return { x, logDet };
    },
  };
}
