/** NICE in a line. */
import { checkInteger, checkOneOf, type Key, ShapeError } from '@tfkit/core';
import type { Bijector, EventShape } from '../bijector';
import { additiveCoupling } from '../bijectors/affineCoupling';
import { scaling } from '../bijectors/scaling';
import { chain } from '../combinators/chain';
import { gaussian } from '../distributions/gaussian';
import { logistic } from '../distributions/logistic';
import { Flow } from '../flow';
import { mlp } from '../nets/mlp';
import type { Activation } from '../nets/net';
import type { Quantization } from '../quantization';
import { nicePresets } from './presets';

export interface ModelOptions {
  /** All first values come from it. */
  readonly key: Key;
  /** Numbers of context per example. Default 0. */
  readonly contextSize?: number;
  /** Levels and interval of integer data. Default: the preset's, else none. */
  readonly quantization?: Quantization;
}

export interface NiceOptions extends ModelOptions {
  /** The paper's settings for a data set; each other option replaces one of them. */
  readonly preset?: keyof typeof nicePresets;
  /** [features]. Needed without a preset. */
  readonly shape?: EventShape;
  /** How many coupling layers, at least 1; the paper: at least 3 for every entry to influence all others. Default 4. */
  readonly couplings?: number;
  /** Units of each hidden layer of each coupling's network. Default [1000, 1000, 1000, 1000, 1000]. */
  readonly hidden?: readonly number[];
  /** Default 'relu'. */
  readonly activation?: Activation;
  /** Default 'logistic'. */
  readonly base?: 'logistic' | 'gaussian';
}

/**
 * The flow of NICE: additive couplings that exchange odd and even entries, then a diagonal scaling.
 *
 * Parameters: 'coupling<i>.net.<j>.kernel' and '.bias', 'scaling.logScale'.
 * Source: Dinh, Krueger, Bengio, NICE, 2014 (arXiv:1410.8516).
 * @throws ShapeError unless the shape is that of vectors.
 * @example
 * const flow = nice({ preset: 'mnist', key: key(0) });
 */
export function nice(options: NiceOptions): Flow {
  const settings = options.preset === undefined ? undefined : nicePresets[options.preset];
  if (options.preset !== undefined) checkOneOf(['nice', 'preset'], options.preset, presetNames);
  const { shape = settings?.shape, hidden = settings?.hidden ?? [1000, 1000, 1000, 1000, 1000] } = options;
  const { couplings = settings?.couplings ?? 4, base = settings?.base ?? 'logistic' } = options;
  const { quantization = settings?.quantization, activation, key, contextSize } = options;
  if (shape?.length !== 1) {
    throw new ShapeError(`nice: shape must be that of vectors, [features], got ${JSON.stringify(shape)}.`);
  }
  checkInteger(['nice', 'couplings'], couplings, { min: 1 });
  checkOneOf(['nice', 'base'], base, ['logistic', 'gaussian']);
  const layers: Record<string, Bijector> = {};
  for (let i = 0; i < couplings; i++) {
    const mask = i % 2 === 0 ? 'even' : 'odd';
    layers[`coupling${i}`] = additiveCoupling({ mask, net: mlp({ hidden, activation }) });
  }
  return new Flow({
    bijector: chain({ ...layers, scaling: scaling() }),
    base: base === 'logistic' ? logistic() : gaussian(),
    shape,
    key,
    contextSize,
    quantization,
  });
}

const presetNames = Object.keys(nicePresets) as (keyof typeof nicePresets)[];
