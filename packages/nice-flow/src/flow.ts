/** A flow: a bijector and a base distribution, with their parameters as variables. */
import * as tf from '@tensorflow/tfjs-core';
import {
  checkDType,
  checkInteger,
  checkNumber,
  foldIn,
  formatShape,
  type Key,
  OptionError,
  ShapeError,
  sameShape,
  split,
} from '@tfkit/core';
import {
  type Bijector,
  childScope,
  type EventShape,
  type FlowParameters,
  type InitialValues,
  prefixed,
  type Scope,
} from './bijector';
import type { Distribution } from './distributions/distribution';
import { gaussian } from './distributions/gaussian';
import { intervalOf, type Quantization } from './quantization';
import type { Dequantizer } from './variational/dequantizer';

/** The parts of a flow, and the shape of one event. */
export interface FlowOptions {
  readonly bijector: Bijector;
  /** Default `gaussian()`, the standard normal. */
  readonly base?: Distribution;
  /** The shape of one example: [784], [32, 32, 3]. */
  readonly shape: EventShape;
  /** All first values come from it. */
  readonly key: Key;
  /** Numbers of context per example, for conditional densities. Default 0. */
  readonly contextSize?: number;
  /** Levels and interval of the data, if they are integers: `fit` and `evaluate` dequantize, and tell bits per dimension. */
  readonly quantization?: Quantization;
  /** Learnt noise for the integers of a `quantization`. Default: uniform noise. */
  readonly dequantizer?: Dequantizer;
}

export interface ContextOption {
  /** float32 [batch, contextSize]. */
  readonly context?: tf.Tensor;
}

/** The key, and the temperature, which scales the base distribution's deviation. */
export interface SampleOptions extends ContextOption {
  readonly key: Key;
  /** Spread of the base distribution, 0 or more: below 1 samples are more typical and less varied. Default 1. */
  readonly temperature?: number;
}

/**
 * A normalizing flow. `variables` are its parameters by name, ready for an optimizer, `saveSafetensors` or
 * `saveCheckpoint`; the base distribution's are 'base.*'.
 *
 * @throws ShapeError if a layer cannot take the shape that reaches it; OptionError for bad options.
 * @example
 * const flow = new Flow({
 *   bijector: chain([affineCoupling({ mask: 'even', net: mlp() }), affineCoupling({ mask: 'odd', net: mlp() })]),
 *   shape: [2],
 *   key: key(0),
 * });
 */
export class Flow {
  readonly bijector: Bijector;
  readonly base: Distribution;
  readonly shape: EventShape;
  readonly latentShape: EventShape;
  readonly contextSize: number;
  readonly quantization: Quantization | undefined;
  readonly dequantizer: Dequantizer | undefined;
  readonly variables: Readonly<Record<string, tf.Variable>>;

  constructor(options: FlowOptions) {
    const { bijector, base = gaussian(), shape, key, contextSize = 0, quantization, dequantizer } = options;
    if (!Array.isArray(shape) || shape.length === 0) {
      throw new ShapeError(
        `Flow: shape must be that of one example, such as [784], got ${JSON.stringify(shape)}.`,
      );
    }
    for (const size of shape) checkInteger(['Flow', 'shape'], size, { min: 1 });
    checkInteger(['Flow', 'contextSize'], contextSize, { min: 0 });
    if (quantization) intervalOf('Flow', quantization);
    if (dequantizer && !quantization) {
      throw new OptionError('Flow: quantization must be given with a dequantizer, got none.');
    }
    this.bijector = bijector;
    this.base = base;
    this.shape = [...shape];
    this.contextSize = contextSize;
    this.quantization = quantization;
    this.dequantizer = dequantizer;
    this.latentShape = bijector.outputShape(shape);
    const [bijectorKey, baseKey] = split(key);
    const values: InitialValues = {
      ...bijector.init(bijectorKey, { shape, contextSize }),
      ...prefixed('base', base.init?.(baseKey, { shape: this.latentShape, contextSize })),
      ...prefixed('dequantizer', quantization && dequantizer?.init(foldIn(key, 2), { shape, quantization })),
    };
    this.variables = Object.fromEntries(
      Object.entries(values).map(([name, { shape, data, trainable = true }]) => [
        name,
        tf.tidy(() => tf.variable(tf.tensor(data, [...shape], 'float32'), trainable)),
      ]),
    );
  }

  /** The variables that gradient descent changes. */
  get trainableVariables(): tf.Variable[] {
    return Object.values(this.variables).filter(({ trainable }) => trainable);
  }

  /** The number of trained parameters. */
  get parameterCount(): number {
    return this.trainableVariables.reduce((sum, { size }) => sum + size, 0);
  }

  /** What the layers are given: parameters (the flow's own unless others are handed in), context, mode and key. */
  scope(
    options: ContextOption & Pick<Scope, 'mode' | 'key'> & { readonly parameters?: FlowParameters } = {},
  ): Scope {
    const { context, mode = 'evaluation', parameters = this.variables, key } = options;
    return { parameters, mode, ...(context && { context }), ...(key && { key }) };
  }

  /** z [batch, ...latentShape] and log|det dz/dx| [batch] of x [batch, ...shape]. The caller disposes them. */
  forward(x: tf.Tensor, options: ContextOption = {}): { z: tf.Tensor; logDet: tf.Tensor1D } {
    this.check('forward', 'x', x, this.shape, options.context);
    const { z, logDet } = this.bijector.forward(x, this.scope(options));
    return { z, logDet };
  }

  /** x [batch, ...shape] and log|det dx/dz| [batch] of z. The caller disposes them. */
  inverse(z: tf.Tensor, options: ContextOption = {}): { x: tf.Tensor; logDet: tf.Tensor1D } {
    this.check('inverse', 'z', z, this.latentShape, options.context);
    return this.bijector.inverse(z, this.scope(options));
  }

  /**
   * log p(x) (given the context) in nats, float32 [batch], with respect to x as given: of data on their declared interval,
   * not of integers. Differentiable. The caller disposes it.
   */
  logProb(x: tf.Tensor, options: ContextOption = {}): tf.Tensor1D {
    this.check('logProb', 'x', x, this.shape, options.context);
    return tf.tidy(() => this.logLikelihood(x, this.scope(options)).logProb);
  }

  /** `logProb` in any scope, with what layers changed by themselves; for training loops of your own, in a tidy. */
  logLikelihood(
    x: tf.Tensor,
    scope: Scope,
  ): { logProb: tf.Tensor1D; updates?: Readonly<Record<string, tf.Tensor>> } {
    const { z, logDet, updates } = this.bijector.forward(x, scope);
    const logProb = tf.add(this.base.logProb(z, childScope(scope, 'base')), logDet) as tf.Tensor1D;
    return { logProb, ...(updates && { updates }) };
  }

  /**
   * `count` samples, float32 [count, ...shape]: the inverse of draws from the base. The caller disposes them.
   *
   * @param options.context [count, contextSize], or [1, contextSize] for all.
   * @throws OptionError for a bad count or temperature, or if the context is missing.
   */
  sample(count: number, options: SampleOptions): tf.Tensor {
    const { key, temperature = 1, context } = options;
    checkInteger(['sample', 'count'], count, { min: 1 });
    checkNumber(['sample', 'temperature'], temperature, { min: 0 });
    return tf.tidy(() => {
      const spread =
        context && context.shape[0] === 1 ? tf.tile(context as tf.Tensor2D, [count, 1]) : context;
      this.checkContext('sample', count, spread);
      const scope = this.scope({ context: spread });
      const z = this.base.sample(key, [count, ...this.latentShape], childScope(scope, 'base'), temperature);
      return this.bijector.inverse(z, scope).x;
    });
  }

  /**
   * Lets the layers that learn from data (actnorm, batchNorm) set themselves by a batch, in order. Without them it does
   * nothing. `fit` calls it before its first step unless told not to.
   */
  initialize(x: tf.Tensor, options: ContextOption = {}): void {
    this.check('initialize', 'x', x, this.shape, options.context);
    tf.tidy(() => {
      const { updates } = this.bijector.forward(x, this.scope({ ...options, mode: 'initialization' }));
      this.assign(updates ?? {});
    });
  }

  /** Gives variables new values, which it copies. @throws OptionError for an unknown name; ShapeError for another shape. */
  assign(values: Readonly<Record<string, tf.Tensor>>): void {
    for (const [name, value] of Object.entries(values)) {
      const variable = this.variables[name];
      if (!variable) {
        throw new OptionError(
          `assign: values must be named as the flow's variables, got '${name}'. They are ${Object.keys(this.variables).join(', ')}.`,
        );
      }
      if (!sameShape(variable.shape, value.shape)) {
        throw new ShapeError(
          `assign: '${name}' must have shape ${formatShape(variable.shape)}, got ${formatShape(value.shape)}.`,
        );
      }
    }
    for (const [name, value] of Object.entries(values)) this.variables[name]!.assign(value);
  }

  /** Frees the variables. */
  dispose(): void {
    tf.dispose(this.variables as Record<string, tf.Variable>);
  }

  private check(
    functionName: string,
    argument: string,
    tensor: tf.Tensor,
    shape: EventShape,
    context: tf.Tensor | undefined,
  ): void {
    checkDType([functionName, argument], tensor, ['float32']);
    if (tensor.rank !== shape.length + 1 || !sameShape(tensor.shape.slice(1), shape)) {
      throw new ShapeError(
        `${functionName}: ${argument} must have shape [batch, ${shape.join(', ')}], got ${formatShape(tensor.shape)}.`,
      );
    }
    this.checkContext(functionName, tensor.shape[0]!, context);
  }

  private checkContext(functionName: string, batch: number, context: tf.Tensor | undefined): void {
    if (this.contextSize === 0 && !context) return;
    if (!context || this.contextSize === 0) {
      throw new OptionError(
        `${functionName}: context must be ${context ? 'left out, as the flow has contextSize 0' : `given, [batch, ${this.contextSize}]`}, got ${context ? formatShape(context.shape) : 'none'}.`,
      );
    }
    if (sameShape(context.shape, [batch, this.contextSize])) return;
    throw new ShapeError(
      `${functionName}: context must have shape [${batch}, ${this.contextSize}], got ${formatShape(context.shape)}.`,
    );
  }
}
