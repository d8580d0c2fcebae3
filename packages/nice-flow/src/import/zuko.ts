/** Flows trained in zuko. */
import * as tf from '@tensorflow/tfjs-core';
import { checkKnownOptions, checkNumber, checkOneOf, FormatError, key as keyOf } from '@tfkit/core';
import { autoregressive } from '../autoregressive/autoregressive';
import type { Bijector } from '../bijector';
import { affine } from '../bijectors/affineCoupling';
import type { Transformer } from '../bijectors/coupling';
import { chain } from '../combinators/chain';
import { Flow } from '../flow';
import { activationNames } from '../nets/net';
import { rationalQuadratic } from '../splines/rationalQuadratic';
import { Checkpoint, type CheckpointFile, numbersFirst } from './checkpoint';
import { sequentialNet } from './nets';
import type { ImportOptions } from './nflows';

export interface ImportZukoOptions extends Pick<ImportOptions, 'activation' | 'contextSize'> {
  /** Bound of the splines. Default 5, zuko's. */
  readonly bound?: number;
  /** Least slope of the maps. Default 1e-3, zuko's. */
  readonly slope?: number;
}

/**
 * The flow of zuko's `MAF` or `NSF` (autoregressive, or with `passes=2` coupling), from `save_file(flow.state_dict(), path)` of safetensors:
 * the same log_prob. Networks with normalisation or residual blocks, and NCSF, are not known.
 *
 * @throws FormatError that names tensors of unknown layers.
 */
export function importZuko(file: CheckpointFile, options: ImportZukoOptions = {}): Flow {
  const name = 'importZuko';
  checkKnownOptions(name, options, ['activation', 'contextSize', 'bound', 'slope']);
  const { activation = 'relu', contextSize = 0, bound = 5, slope = 1e-3 } = options;
  checkOneOf([name, 'activation'], activation, activationNames);
  checkNumber([name, 'bound'], bound, { min: 0, open: 'min' });
  checkNumber([name, 'slope'], slope, { min: 0, max: 1, open: 'both' });
  const checkpoint = Checkpoint.of(name, file);
  const root = checkpoint.under('transform');
  const transforms = root.hasUnder('transforms') ? root.under('transforms') : root;
  let features = 0;
  const layers = transforms.indices().map((i): Bijector => {
    const layer = transforms.under(`${i}`);
    const order = layer.numbers('order');
    features = order.length;
    const net = layer.under('hyper');
    const indices = net.indices();
    const numbers = net.get(`${indices[indices.length - 1]}.weight`).shape[0]! / features;
    return autoregressive({
      net: sequentialNet(net, activation, { from: numbersFirst(features, numbers) }),
      transformer: transformerOf(layer, numbers, bound, Math.abs(Math.log(slope))),
      passes: Math.max(...order) + 1,
    });
  });
  checkBase(name, checkpoint.under('base'));
  checkpoint.checkAllRead();
  return new Flow({ bijector: chain(layers), shape: [features], key: keyOf(0), contextSize });
}

/** raw / (1 + |raw / limit|), within (-limit, limit). */
const softclip = (raw: tf.Tensor, limit: number | tf.Tensor) =>
  tf.div(raw, tf.add(1, tf.abs(tf.div(raw, limit))));

function transformerOf(file: Checkpoint, numbers: number, bound: number, limit: number): Transformer {
  if (numbers === 2) return affine('import', { scaleMap: (raw) => softclip(raw, limit) });
  if (numbers < 5 || numbers % 3 !== 2) {
    return file.fail(`must be affine or a spline of 3 K - 1 numbers an entry, got ${numbers}.`);
  }
  const bins = (numbers + 1) / 3;
  const spline = rationalQuadratic({
    ...{ bins, bound, derivatives: 'exp' },
    ...{ minBinWidth: 0, minBinHeight: 0, minDerivative: 0 },
  });
  const clipped = (raw: tf.Tensor) => {
    const n = raw.shape[1]! / numbers;
    const limits = Float32Array.from({ length: numbers * n }, (_, i) =>
      i < 2 * bins * n ? limit / 2 : limit,
    );
    return softclip(raw, tf.tensor1d(limits));
  };
  return {
    outputs: numbers,
    forward: (x, raw, scope) => spline.forward(x, clipped(raw), scope),
    inverse: (z, raw, scope) => spline.inverse(z, clipped(raw), scope),
  };
}

/** The base is the standard normal, whatever its two tensors are called. */
function checkBase(name: string, base: Checkpoint): void {
  const pairs = [
    ['loc', 'scale'],
    ['_0', '_1'],
  ] as const;
  for (const [loc, scale] of pairs) {
    if (!base.has(loc)) continue;
    const isStandard = base.numbers(loc).every((v) => v === 0) && base.numbers(scale).every((v) => v === 1);
    if (isStandard) continue;
    throw new FormatError(`${name}: base must be the standard normal, got another location or scale.`);
  }
}
