/** The networks of torch's flow libraries, with the parameters of a checkpoint as first values. */
import * as tf from '@tensorflow/tfjs-core';
import { type InitialValue, parameterOf, prefixed, type Scope } from '../bijector';
import { type Activation, activate, type Net } from '../nets/net';
import { type Checkpoint, type Columns, linearOf } from './checkpoint';

/** x times the kernel (where its mask is 1), plus the bias. */
function linear(name: string, x: tf.Tensor, scope: Scope): tf.Tensor {
  const kernel = parameterOf('import', scope, `${name}.kernel`);
  const mask = scope.parameters[`${name}.mask`];
  return tf.add(
    tf.matMul(x, mask ? tf.mul(kernel, mask) : kernel),
    parameterOf('import', scope, `${name}.bias`),
  );
}

/** Layers '<i>.*' in order, an activation between, the context beside the input. */
export function sequentialNet(file: Checkpoint, activation: Activation, columns?: Columns): Net {
  const indices = file.indices();
  const last = indices.length - 1;
  const values: Record<string, InitialValue> = {};
  for (const [i, index] of indices.entries()) {
    Object.assign(values, prefixed(`${i}`, linearOf(file, `${index}`, i === last ? columns : undefined)));
  }
  return {
    init: () => values,
    apply(x, scope) {
      let y = scope.context ? tf.concat([x, scope.context], 1) : x;
      for (let i = 0; i <= last; i++) {
        y = linear(`${i}`, y, scope);
        if (i < last) y = activate(y, activation);
      }
      return y;
    },
  };
}

/**
 * How a residual network takes the context. 'input': beside the input, and as gate of each block (nets of couplings).
 * 'activated': added after the first layer through the activation, and within blocks. 'added': added after the first layer, and as
 * gate of each block.
 */
export type ContextStyle = 'input' | 'activated' | 'added';

interface ResidualNetSource {
  readonly activation: Activation;
  readonly context: ContextStyle;
  readonly columns?: Columns;
}

/** ResidualNet and MADE: 'initial_layer', 'blocks.<i>.linear_layers.<0, 1>' or 'blocks.<i>.linear', 'final_layer'. */
export function residualBlocksNet(
  file: Checkpoint,
  { activation, context: style, columns }: ResidualNetSource,
): Net {
  const values: Record<string, InitialValue> = {};
  const take = (from: string, to: string, map?: Columns) =>
    Object.assign(values, prefixed(to, linearOf(file, from, map)));
  take('initial_layer', 'initial');
  if (file.hasUnder('context_layer')) take('context_layer', 'context');
  const blocks = file.under('blocks').indices();
  const isPlain = blocks.length > 0 && file.hasUnder('blocks.0.linear');
  for (const i of blocks) {
    const block = `blocks.${i}`;
    if (isPlain) take(`${block}.linear`, `${block}.0`);
    else for (const part of [0, 1]) take(`${block}.linear_layers.${part}`, `${block}.${part}`);
    if (file.hasUnder(`${block}.context_layer`)) take(`${block}.context_layer`, `${block}.context`);
    file.ignore(`${block}.degrees`);
  }
  take('final_layer', 'final', columns);
  return {
    init: () => values,
    apply(x, scope) {
      const { context } = scope;
      const has = (name: string) => context && `${name}.kernel` in values;
      let y = linear('initial', context && style === 'input' ? tf.concat([x, context], 1) : x, scope);
      if (has('context')) {
        const shift = linear('context', context!, scope);
        y = tf.add(y, style === 'activated' ? activate(shift, activation) : shift);
      }
      if (isPlain && style === 'activated') y = activate(y, activation);
      for (const i of blocks) {
        const block = `blocks.${i}`;
        if (isPlain) {
          y = activate(linear(`${block}.0`, y, scope), activation);
          continue;
        }
        let h = linear(`${block}.0`, activate(y, activation), scope);
        const gate = has(`${block}.context`) ? linear(`${block}.context`, context!, scope) : undefined;
        if (gate && style === 'activated') h = tf.add(h, gate);
        h = linear(`${block}.1`, activate(h, activation), scope);
        if (gate && style !== 'activated') h = tf.mul(h, tf.sigmoid(gate));
        y = tf.add(y, h);
      }
      return linear('final', y, scope);
    },
  };
}
