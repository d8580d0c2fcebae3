/** A spline flow in a line. */
import { checkInteger, checkOneOf, foldIn, ShapeError } from '@tfkit/core';
import { autoregressive } from '../autoregressive/autoregressive';
import type { Bijector, EventShape } from '../bijector';
import { luLinear } from '../bijectors/linear';
import { permute, randomOrder } from '../bijectors/squeeze';
import { chain } from '../combinators/chain';
import { gaussian } from '../distributions/gaussian';
import { uniform } from '../distributions/uniform';
import { Flow } from '../flow';
import { boxOf, type FrontOptions, lineFront } from '../models/front';
import type { ModelOptions } from '../models/nice';
import { mlp } from '../nets/mlp';
import type { Activation } from '../nets/net';
import { periodic } from './periodic';
import {
  elementwiseSpline,
  type RationalQuadraticOptions,
  rationalQuadratic,
  splineCoupling,
} from './rationalQuadratic';

export interface SplineFlowOptions
  extends ModelOptions,
    FrontOptions,
    Omit<RationalQuadraticOptions, 'tails'> {
  /** [features]. */
  readonly shape: EventShape;
  /** Default 4. */
  readonly layers?: number;
  /** Units of each hidden layer of each network. Default [64, 64]. */
  readonly hidden?: readonly number[];
  /** Default 'relu'. */
  readonly activation?: Activation;
  /** 'coupling': density and samples in one pass each; 'autoregressive': the density in one, a sample in as many as there are features, not for angles. Default 'coupling'. */
  readonly kind?: 'coupling' | 'autoregressive';
  /** Linear layers (LU) between the splines. Default true, but for bounded and circular data, which have permutations. */
  readonly linear?: boolean;
  /** Whether all entries are angles, [-bound, bound] a circle: give bound Math.PI. Default false. */
  readonly circular?: boolean;
}

/**
 * A neural spline flow on vectors: an elementwise spline, then `layers` couplings (or autoregressive layers) of rational-quadratic
 * splines with LU layers in between. With a `support` the splines map the box to itself, their slopes at the ends learnt, from a
 * uniform base: no density and no sample lies outside.
 *
 * Parameters: 'spline.raw', 'layer<i>.net.*', 'linear<i>.*', 'standardize.*'.
 * Source: Durkan et al., Neural Spline Flows, NeurIPS 2019 (arXiv:1906.04032); circles: Rezende et al., Normalizing Flows on Tori and
 * Spheres, ICML 2020 (arXiv:2002.02428).
 * @throws ShapeError unless the shape is that of vectors; OptionError for a bad option.
 * @example
 * const flow = splineFlow({ shape: [2], bins: 8, bound: 4, key: key(0) });
 */
export function splineFlow(options: SplineFlowOptions): Flow {
  const name = 'splineFlow';
  const { shape, layers: count = 4, hidden = [64, 64], activation, kind = 'coupling' } = options;
  const { support, circular = false, key, contextSize, quantization } = options;
  if (shape?.length !== 1) {
    throw new ShapeError(`${name}: shape must be that of vectors, [features], got ${JSON.stringify(shape)}.`);
  }
  checkInteger([name, 'layers'], count, { min: 1 });
  checkOneOf([name, 'kind'], kind, circular ? ['coupling'] : ['coupling', 'autoregressive']);
  const features = shape[0]!;
  const isBox = support !== undefined || circular;
  const { bound = circular ? Math.PI : support ? 1 : 4, linear = !isBox } = options;
  const spline: RationalQuadraticOptions = {
    ...options,
    ...{ bound, tails: circular ? 'circular' : support ? 'linear' : 'identity' },
  };
  const layers: Record<string, Bijector> = support
    ? { box: boxOf(name, support, features).box(bound) }
    : circular
      ? {}
      : lineFront(name, options, features);
  layers.spline = elementwiseSpline(spline);
  for (let i = 0; i < count; i++) {
    const isOdd = i % 2 === 1;
    if (kind === 'autoregressive' || features === 1) {
      const order = isOdd ? 'reverse' : 'natural';
      layers[`layer${i}`] = autoregressive({
        ...{ transformer: rationalQuadratic(spline), hidden, order },
        ...(activation && { activation }),
      });
    } else {
      const net = mlp({ hidden, ...(activation && { activation }) });
      layers[`layer${i}`] = splineCoupling({
        ...spline,
        ...{ mask: isOdd ? 'odd' : 'even', net: circular ? periodic(net, { bound }) : net },
      });
    }
    if (i === count - 1) continue;
    if (linear) layers[`linear${i}`] = luLinear();
    else if (features > 2) layers[`order${i}`] = permute(randomOrder(foldIn(key, i + 1), features));
  }
  const base = isBox ? uniform({ range: [-bound, bound] }) : gaussian();
  return new Flow({ bijector: chain(layers), base, shape, key, contextSize, quantization });
}
