/** Flows trained in nflows. */
import { checkKnownOptions, checkNumber, checkOneOf, key as keyOf, sizeOf } from '@tfkit/core';
import { softplus } from '@tfkit/core/tfjs';
import type { Bijector, InitialValues } from '../bijector';
import { batchNorm } from '../bijectors/batchNorm';
import { actnorm } from '../bijectors/scaling';
import { permute } from '../bijectors/squeeze';
import { chain } from '../combinators/chain';
import type { Distribution } from '../distributions/distribution';
import { diagonalGaussian, gaussian } from '../distributions/gaussian';
import { Flow } from '../flow';
import { type Activation, activationNames } from '../nets/net';
import { Checkpoint, type CheckpointFile } from './checkpoint';
import {
  autoregressiveOf,
  couplingOf,
  flooredLog,
  luLinearOf,
  type SplineSource,
  sigmoidOfShifted,
  withValues,
} from './layers';

/** Options that `importNflows` and `importNormflows` share: what a file of tensors does not tell of its flow. */
export interface ImportOptions {
  /** Bound of the splines: `tail_bound`. Default: the library's own default (nflows 1, normflows 3). */
  readonly tailBound?: number;
  /** Of all networks. Default 'relu', the libraries' default. */
  readonly activation?: Activation;
  /** Numbers of context per example. Default 0. */
  readonly contextSize?: number;
  /** `min_bin_width`, `min_bin_height`, `min_derivative`, if they are not 1e-3. */
  readonly minBinWidth?: number;
  readonly minBinHeight?: number;
  readonly minDerivative?: number;
}

export interface ImportNflowsOptions extends ImportOptions {
  /** The scale of affine autoregressive layers: 'softplus' as released, 'sigmoid' as in forks before. Default 'softplus'. */
  readonly scale?: 'softplus' | 'sigmoid';
}

export const importOptions = [
  'tailBound',
  'activation',
  'contextSize',
  'minBinWidth',
  'minBinHeight',
  'minDerivative',
];

/** Checks what the importers share, and completes it. */
export function splineSource(functionName: string, options: ImportOptions, tailBound: number): SplineSource {
  const { activation = 'relu', minBinWidth, minBinHeight, minDerivative } = options;
  checkOneOf([functionName, 'activation'], activation, activationNames);
  const bound = options.tailBound ?? tailBound;
  checkNumber([functionName, 'tailBound'], bound, { min: 0, open: 'min' });
  return {
    ...{ activation, tailBound: bound },
    ...(minBinWidth !== undefined && { minBinWidth }),
    ...(minBinHeight !== undefined && { minBinHeight }),
    ...(minDerivative !== undefined && { minDerivative }),
  };
}

/** A distribution whose first values are those of a file. */
export const withBaseValues = (base: Distribution, values: InitialValues): Distribution => ({
  ...base,
  init: () => values,
});

/**
 * The flow of an nflows `Flow(CompositeTransform([...]), StandardNormal([features]))` on vectors, from `save_file(flow.state_dict(), path)` of
 * safetensors: the same log_prob. What each layer is, is told by its tensors' names and sizes; what they do not tell are the options.
 *
 * Known: AffineCouplingTransform, AdditiveCouplingTransform, PiecewiseRationalQuadraticCouplingTransform (nets: ResidualNet),
 * MaskedAffineAutoregressiveTransform, MaskedPiecewiseRationalQuadraticAutoregressiveTransform, LULinear, ActNorm, BatchNorm,
 * PointwiseAffineTransform, RandomPermutation, ReversePermutation; StandardNormal and DiagonalNormal. Batch normalisation within networks and
 * dropout are not.
 *
 * @throws FormatError that names tensors of unknown layers.
 * @example
 * const flow = importNflows(new Uint8Array(await (await fetch('flow.safetensors')).arrayBuffer()), { tailBound: 3 });
 */
export function importNflows(file: CheckpointFile, options: ImportNflowsOptions = {}): Flow {
  const name = 'importNflows';
  checkKnownOptions(name, options, [...importOptions, 'scale']);
  const { scale = 'softplus', contextSize } = options;
  checkOneOf([name, 'scale'], scale, ['softplus', 'sigmoid']);
  const source = splineSource(name, options, 1);
  const checkpoint = Checkpoint.of(name, file);
  const affineScale = flooredLog(scale === 'softplus' ? softplus : sigmoidOfShifted);
  const one = (layer: Checkpoint): { bijector: Bijector; features: number | undefined } => {
    if (layer.has('identity_features')) {
      const features = layer.numbers('identity_features').length + layer.numbers('transform_features').length;
      return { bijector: couplingOf(layer, source), features };
    }
    if (layer.hasUnder('autoregressive_net')) {
      const bijector = autoregressiveOf(layer, { ...source, context: 'activated', scale: affineScale });
      return { bijector, features: layer.get('autoregressive_net.initial_layer.weight').shape[1]! };
    }
    if (layer.has('_permutation')) {
      const order = layer.numbers('_permutation');
      return { bijector: permute(order), features: order.length };
    }
    if (layer.has('lower_entries'))
      return { bijector: luLinearOf(layer), features: layer.get('bias').values.length };
    if (layer.has('log_scale') && layer.has('shift')) {
      // scale * x + shift, where actnorm has (x + bias) * scale.
      layer.ignore('initialized');
      const [logScale, shift] = [layer.vector('log_scale'), layer.vector('shift')];
      const bias = { ...shift, data: shift.data.map((value, i) => value * Math.exp(-logScale.data[i]!)) };
      return { bijector: withValues(actnorm(), { bias, logScale }), features: sizeOf(shift.shape) };
    }
    if (layer.has('running_mean')) return batchNormOf(layer);
    if (layer.has('_scale') && layer.has('_shift')) {
      const [slope, shift] = [layer.vector('_scale'), layer.vector('_shift')];
      if (slope.data.some((value) => value <= 0)) layer.fail('must have a positive _scale.');
      const logScale = { ...slope, data: slope.data.map(Math.log), trainable: false };
      const bias = {
        ...shift,
        data: shift.data.map((value, i) => value / slope.data[i % slope.data.length]!),
        trainable: false,
      };
      const fixed = logScale.data.length === 1 ? undefined : logScale.data.length;
      return { bijector: withValues(actnorm(), { bias, logScale }), features: fixed };
    }
    return layer.fail('must be a layer that is known.');
  };
  const root = checkpoint.under('_transform');
  const layers = root.hasUnder('_transforms')
    ? root
        .under('_transforms')
        .indices()
        .map((i) => one(root.under('_transforms').under(`${i}`)))
    : [one(root)];
  const features = layers.find((layer) => layer.features !== undefined)?.features ?? 1;
  const { base, values } = baseOf(checkpoint.under('_distribution'));
  checkpoint.checkAllRead();
  return new Flow({
    bijector: chain(layers.map(({ bijector }) => bijector)),
    base: values ? withBaseValues(base, values) : base,
    ...{ shape: [features], key: keyOf(0) },
    ...(contextSize !== undefined && { contextSize }),
  });
}

function batchNormOf(layer: Checkpoint): { bijector: Bijector; features: number } {
  const weight = layer.vector('unconstrained_weight');
  // weight = softplus + eps.
  const logGamma = {
    ...weight,
    data: weight.data.map((value) => Math.log(Math.log1p(Math.exp(value)) + 1e-5)),
  };
  return {
    bijector: withValues(batchNorm({ eps: 1e-5 }), {
      ...{ logGamma, beta: layer.vector('bias') },
      movingMean: { ...layer.vector('running_mean'), trainable: false },
      movingVariance: { ...layer.vector('running_var'), trainable: false },
    }),
    features: weight.data.length,
  };
}

function baseOf(file: Checkpoint): { base: Distribution; values?: InitialValues } {
  file.ignore('_log_z');
  if (!file.has('mean_')) return { base: gaussian() };
  return {
    base: diagonalGaussian(),
    values: { mean: file.vector('mean_'), logScale: file.vector('log_std_') },
  };
}
