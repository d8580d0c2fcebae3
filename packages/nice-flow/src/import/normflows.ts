/** Flows trained in normflows. */
import * as tf from '@tensorflow/tfjs-core';
import { checkKnownOptions, checkOneOf, FormatError, key as keyOf } from '@tfkit/core';
import type { Bijector } from '../bijector';
import { childScope, prefixed } from '../bijector';
import { affine } from '../bijectors/affineCoupling';
import { coupling } from '../bijectors/coupling';
import { actnorm } from '../bijectors/scaling';
import { permute } from '../bijectors/squeeze';
import { chain, invert } from '../combinators/chain';
import { diagonalGaussian } from '../distributions/gaussian';
import { Flow } from '../flow';
import type { Activation, Net } from '../nets/net';
import { Checkpoint, type CheckpointFile } from './checkpoint';
import { autoregressiveOf, couplingOf, flooredLog, luLinearOf, sigmoidOfShifted, withValues } from './layers';
import { sequentialNet } from './nets';
import { type ImportOptions, importOptions, splineSource, withBaseValues } from './nflows';

export interface ImportNormflowsOptions extends ImportOptions {
  /** `scale_map` of AffineCouplingBlock. Default 'exp'. */
  readonly scaleMap?: 'exp' | 'sigmoid' | 'sigmoid_inv';
  /** Layers that hold no tensors, by their index in `flows`, from data to latent: `{ 1: permute([2, 3, 0, 1]) }` for a `Permute(4, mode='swap')`. */
  readonly parameterless?: Readonly<Record<number, Bijector>>;
}

/**
 * The flow of a normflows `NormalizingFlow(DiagGaussian(features), flows)` (or `ConditionalNormalizingFlow`) on vectors, from
 * `save_file(model.state_dict(), path)` of safetensors: the same log_prob.
 *
 * Known: CoupledRationalQuadraticSpline, AutoregressiveRationalQuadraticSpline, MaskedAffineAutoregressive, MaskedAffineFlow and
 * AffineCouplingBlock (nets: MLP), AffineConstFlow, ActNorm, LULinearPermute, Permute with mode 'shuffle'; DiagGaussian.
 *
 * @throws FormatError that names tensors of unknown layers, or an index without tensors.
 */
export function importNormflows(file: CheckpointFile, options: ImportNormflowsOptions = {}): Flow {
  const name = 'importNormflows';
  checkKnownOptions(name, options, [...importOptions, 'scaleMap', 'parameterless']);
  const { scaleMap = 'exp', parameterless = {}, contextSize, activation = 'relu' } = options;
  checkOneOf([name, 'scaleMap'], scaleMap, ['exp', 'sigmoid', 'sigmoid_inv']);
  const source = splineSource(name, options, 3);
  const checkpoint = Checkpoint.of(name, file);
  const one = (layer: Checkpoint): Bijector => {
    if (layer.hasUnder('prqct')) return couplingOf(layer.under('prqct'), source);
    const masked = { ...source, context: 'added' as const, scale: flooredLog(sigmoidOfShifted) };
    if (layer.hasUnder('mprqat')) return autoregressiveOf(layer.under('mprqat'), masked);
    if (layer.hasUnder('autoregressive_net')) return invert(autoregressiveOf(layer, masked));
    if (layer.has('b')) return maskedAffineOf(layer, activation);
    if (layer.hasUnder('flows.1.param_map')) {
      return couplingBlockOf(
        layer.under('flows').under('1').under('param_map').under('net'),
        scaleMap,
        activation,
      );
    }
    if (layer.hasUnder('linear') && layer.has('permutation._permutation')) {
      return chain({
        permutation: permute(layer.numbers('permutation._permutation')),
        linear: luLinearOf(layer.under('linear')),
      });
    }
    if (layer.has('perm')) {
      layer.ignore('perm');
      return permute(layer.numbers('inv_perm'));
    }
    if (layer.has('s') && layer.has('t')) return affineConstOf(layer);
    return layer.fail('must be a layer that is known.');
  };
  const flows = checkpoint.under('flows');
  const indices = flows.indices();
  const count = 1 + Math.max(-1, ...indices, ...Object.keys(parameterless).map(Number));
  const layers = Array.from({ length: count }, (_, i) => {
    if (indices.includes(i)) return one(flows.under(`${i}`));
    const given = parameterless[i];
    if (given) return given;
    throw new FormatError(
      `${name}: flows.${i} must have tensors, got none. Name it in the option parameterless if it is a layer without.`,
    );
  });
  const base = checkpoint.under('q0');
  const values = { mean: base.vector('loc'), logScale: base.vector('log_scale') };
  checkpoint.checkAllRead();
  return new Flow({
    // The library runs from latent to data.
    bijector: chain(layers.reverse()),
    base: withBaseValues(diagonalGaussian(), values),
    ...{ shape: [values.mean.data.length], key: keyOf(0) },
    ...(contextSize !== undefined && { contextSize }),
  });
}

/** x * exp(s) + t is latent to data. */
function affineConstOf(layer: Checkpoint): Bijector {
  layer.ignore('data_dep_init_done', 'data_dep_init_done_cpu');
  const [s, t] = [layer.vector('s'), layer.vector('t')];
  return withValues(actnorm(), {
    bias: { ...t, data: t.data.map((value) => -value) },
    logScale: { ...s, data: s.data.map((value) => -value) },
  });
}

/** (x - t(b x)) * exp(-s(b x)) where the mask b is 0. */
function maskedAffineOf(layer: Checkpoint, activation: Activation): Bijector {
  const { values: data } = layer.get('b');
  const nets = Object.fromEntries(
    ['t', 's'].flatMap((part) =>
      layer.hasUnder(part) ? [[part, sequentialNet(layer.under(part).under('net'), activation)]] : [],
    ),
  ) as Record<string, Net>;
  const net: Net = {
    init: (key, request) =>
      Object.assign({}, ...Object.entries(nets).map(([part, net]) => prefixed(part, net.init(key, request)))),
    apply: (x, scope, outputs) =>
      tf.concat(
        ['t', 's'].map((part) => {
          const own = nets[part];
          return own ? tf.neg(own.apply(x, childScope(scope, part), outputs / 2)) : tf.zerosLike(x);
        }),
        1,
      ),
  };
  return coupling({
    ...{ net, mask: { shape: [data.length], data } },
    transformer: affine('import', { scaleMap: 'exp', order: 'shift-first' }),
  });
}

/** The first half tells shift and scale of the second, which are interleaved. */
function couplingBlockOf(
  file: Checkpoint,
  scaleMap: NonNullable<ImportNormflowsOptions['scaleMap']>,
  activation: Activation,
): Bijector {
  const indices = file.indices();
  const outputs = file.get(`${indices[indices.length - 1]}.weight`).shape[0]!;
  const from = Array.from({ length: outputs }, (_, i) => 2 * (i % (outputs / 2)) + (i < outputs / 2 ? 0 : 1));
  // The library divides by the scale on the way to the latent, but for 'sigmoid'.
  const logScale = (raw: tf.Tensor) =>
    scaleMap === 'exp' ? raw : tf.mul(tf.log(sigmoidOfShifted(raw)), scaleMap === 'sigmoid' ? -1 : 1);
  return coupling({
    ...{ mask: 'first-half', net: negatedShift(sequentialNet(file, activation, { from })) },
    transformer: affine('import', { scaleMap: (raw) => tf.neg(logScale(raw)), order: 'shift-first' }),
  });
}

const negatedShift = (net: Net): Net => ({
  init: net.init,
  apply(x, scope, outputs) {
    const [shift, scale] = tf.split(net.apply(x, scope, outputs), 2, 1) as [tf.Tensor, tf.Tensor];
    return tf.concat([tf.neg(shift), scale], 1);
  },
});
