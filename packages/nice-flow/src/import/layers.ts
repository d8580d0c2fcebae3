/** Layers that nflows and normflows have in common. */
import * as tf from '@tensorflow/tfjs-core';
import { autoregressive } from '../autoregressive/autoregressive';
import type { Bijector, InitialValues } from '../bijector';
import { additiveCoupling, affine } from '../bijectors/affineCoupling';
import { coupling, type Transformer } from '../bijectors/coupling';
import { luLinear } from '../bijectors/linear';
import { chain } from '../combinators/chain';
import type { Activation, Net } from '../nets/net';
import {
  elementwiseSpline,
  type RationalQuadraticOptions,
  rationalQuadratic,
} from '../splines/rationalQuadratic';
import { type Checkpoint, type Columns, numbersFirst } from './checkpoint';
import { type ContextStyle, residualBlocksNet } from './nets';

/** A bijector whose first values are those of a file. */
export function withValues(bijector: Bijector, values: InitialValues): Bijector {
  return { ...bijector, init: () => values };
}

/** log(map(raw) + 1e-3). */
export const flooredLog = (map: (raw: tf.Tensor) => tf.Tensor) => (raw: tf.Tensor) =>
  tf.log(tf.add(map(raw), 1e-3));

export const sigmoidOfShifted = (raw: tf.Tensor) => tf.sigmoid(tf.add(raw, 2));

export interface SplineSource
  extends Pick<RationalQuadraticOptions, 'minBinWidth' | 'minBinHeight' | 'minDerivative'> {
  readonly tailBound: number;
  readonly activation: Activation;
}

/** The spline that has so many numbers: 3 K - 1 for tails that are the identity, 3 K on a circle, 3 K + 1 on [0, 1]. */
export function splineOf(file: Checkpoint, numbers: number, source: SplineSource): RationalQuadraticOptions {
  const { minBinWidth, minBinHeight, minDerivative, tailBound } = source;
  const least = {
    ...(minBinWidth !== undefined && { minBinWidth }),
    ...(minBinHeight !== undefined && { minBinHeight }),
    ...(minDerivative !== undefined && { minDerivative }),
  };
  if (numbers >= 3 && numbers % 3 === 2)
    return { bins: (numbers + 1) / 3, bound: tailBound, tails: 'identity', ...least };
  if (numbers >= 3 && numbers % 3 === 0)
    return { bins: numbers / 3, bound: tailBound, tails: 'circular', ...least };
  return file.fail(
    `must be splines with linear or circular tails, of 3 K - 1 or 3 K numbers an entry, got ${numbers} an entry.`,
  );
}

/** Widths and heights divided by the root of the hidden units, as couplings have them. */
function splineColumns(entries: number, numbers: number, bins: number, hidden: number | undefined): Columns {
  const from = numbersFirst(entries, numbers);
  if (hidden === undefined) return { from };
  return { from, factors: from.map((_, i) => (i < 2 * bins * entries ? 1 / Math.sqrt(hidden) : 1)) };
}

/** PiecewiseRationalQuadraticCoupling, AffineCoupling and AdditiveCoupling of nflows, `prqct` of normflows. */
export function couplingOf(file: Checkpoint, source: SplineSource): Bijector {
  const [identity, transformed] = [file.numbers('identity_features'), file.numbers('transform_features')];
  const features = identity.length + transformed.length;
  const mask = Array.from({ length: features }, (_, i) => Number(identity.includes(i)));
  const net = file.under('transform_net');
  const [outputs, hidden] = net.get('final_layer.weight').shape as [number, number];
  const numbers = outputs / transformed.length;
  const make = (transformer: Transformer, columns?: Columns) =>
    coupling({
      ...{ mask, transformer, name: 'coupling' },
      net: residualBlocksNet(net, {
        activation: source.activation,
        context: 'input',
        ...(columns && { columns }),
      }),
    });
  if (numbers === 1) {
    return additiveCoupling({
      mask,
      net: residualBlocksNet(net, { activation: source.activation, context: 'input' }),
    });
  }
  if (numbers === 2) return make(affine('import', { scaleMap: flooredLog(sigmoidOfShifted) }));
  const spline = splineOf(file, numbers, source);
  const columns = splineColumns(transformed.length, numbers, spline.bins!, hidden);
  const layer = make(rationalQuadratic(spline), columns);
  if (!file.hasUnder('unconditional_transform')) return layer;
  return chain({
    coupling: layer,
    own: unconditional(file.under('unconditional_transform'), identity, features, spline),
  });
}

/** Splines of the entries that the coupling passes; those of the others are the identity. */
function unconditional(
  file: Checkpoint,
  identity: readonly number[],
  features: number,
  spline: RationalQuadraticOptions,
): Bijector {
  const { minDerivative = 1e-3 } = spline;
  const rows = (name: string, otherwise: number): Float32Array[] => {
    const { shape, values } = file.get(name);
    const count = shape[shape.length - 1]!;
    return Array.from({ length: count }, (_, k) =>
      Float32Array.from({ length: features }, (_, entry) => {
        const at = identity.indexOf(entry);
        return at < 0 ? otherwise : values[at * count + k]!;
      }),
    );
  };
  const all = [
    ...rows('unnormalized_widths', 0),
    ...rows('unnormalized_heights', 0),
    ...rows('unnormalized_derivatives', Math.log(Math.expm1(1 - minDerivative))),
  ];
  const data = new Float32Array(all.length * features);
  for (const [i, row] of all.entries()) data.set(row, i * features);
  return withValues(elementwiseSpline(spline), { raw: { shape: [all.length, features], data } });
}

interface MaskedSource extends SplineSource {
  readonly context: ContextStyle;
  /** The scale of affine layers. */
  readonly scale: (raw: tf.Tensor) => tf.Tensor;
}

/** MaskedAffineAutoregressive and MaskedPiecewiseRationalQuadraticAutoregressive, as their `forward`. */
export function autoregressiveOf(file: Checkpoint, source: MaskedSource): Bijector {
  const net = file.under('autoregressive_net');
  const features = net.get('initial_layer.weight').shape[1]!;
  const numbers = net.get('final_layer.weight').shape[0]! / features;
  const { activation, context } = source;
  const netOf = (columns: Columns): Net => residualBlocksNet(net, { activation, context, columns });
  if (numbers === 2) {
    // Of an entry the scale is the first number, the shift the second.
    const from = Array.from({ length: 2 * features }, (_, i) => 2 * (i % features) + (i < features ? 1 : 0));
    return autoregressive({
      net: netOf({ from }),
      transformer: affine('import', { scaleMap: source.scale }),
    });
  }
  const spline = splineOf(file, numbers, source);
  const columns = splineColumns(features, numbers, spline.bins!, undefined);
  return autoregressive({ net: netOf(columns), transformer: rationalQuadratic(spline) });
}

/** LULinear: the triangles row by row. */
export function luLinearOf(file: Checkpoint): Bijector {
  const size = file.get('bias').values.length;
  const triangle = (name: string, isIn: (row: number, column: number) => boolean) => {
    const { values } = file.get(name);
    const data = new Float32Array(size * size);
    let next = 0;
    for (let row = 0; row < size; row++) {
      for (let column = 0; column < size; column++) {
        if (isIn(row, column)) data[row * size + column] = values[next++]!;
      }
    }
    return { shape: [size, size], data };
  };
  return withValues(luLinear({ eps: 1e-3 }), {
    lower: triangle('lower_entries', (row, column) => column < row),
    upper: triangle('upper_entries', (row, column) => column > row),
    diagonal: file.vector('unconstrained_upper_diag'),
    bias: file.vector('bias'),
  });
}
