/** Editing: starting from an image, and keeping a part of it. */
import { checkInteger, checkKnownOptions, checkNumber } from '@tfkit/core';
import { checkBatchShape } from '../batchShape';
import { type NoiseSource, seededNoise } from '../noise';
import type { Plan } from '../plan/types';
import { checkPrediction, conversion, type Prediction, type PredictionType } from '../prediction';
import type { Arithmetic } from '../sde/arithmetic';
import { arithmeticOf } from '../sde/model';
import type { AnyModel } from './guidance';

/**
 * The step at which a run of `steps` starts for a strength: 1 runs all, 0.3 the last three tenths (SDEdit,
 * arXiv:2108.01073). Pass it to `createPlan` as `start`.
 *
 * @returns an integer in [0, steps - 1].
 * @throws OptionError if steps is no integer >= 1, or strength no number in (0, 1].
 */
export function startOfStrength(steps: number, strength: number): number {
  checkInteger(['startOfStrength', 'steps'], steps, { min: 1 });
  checkNumber(['startOfStrength', 'strength'], strength, { min: 0, max: 1, open: 'min' });
  return Math.min(steps - 1, Math.max(0, steps - Math.round(steps * strength)));
}

/**
 * Options of `noisedTo`: the shape of the image, the batch first; the seed, an integer in [0, 2^32), default 0; and the arithmetic
 * of x0, default typed arrays.
 */
export interface NoisedOptions<V> {
  readonly shape: readonly number[];
  readonly seed?: number;
  /** Its draw -1 is used. Default `seededNoise(seed)`. */
  readonly noise?: NoiseSource;
  readonly on?: Arithmetic<V>;
}

/**
 * An image at the first level of a plan: alpha x0 + sigma z, the `x` for a run from there. The caller's own.
 *
 * @throws OptionError for an unknown option, or, without `noise`, a seed that is no integer in [0, 2^32);
 * ShapeError if the shape is not one.
 */
export function noisedTo<V = Float64Array>(plan: Plan, x0: V, options: NoisedOptions<V>): V {
  checkKnownOptions('noisedTo', options, ['shape', 'seed', 'noise', 'on']);
  const { shape, seed = 0, noise = seededNoise(seed) } = options;
  checkBatchShape('noisedTo', shape);
  const on = arithmeticOf(options.on);
  const { alpha, sigma } = plan.steps[0]!.from;
  const z = on.from(noise(-1, shape), shape);
  const x = on.combine([alpha, sigma], [x0, z]);
  on.free(z);
  return x;
}

/** Options of `inpainting`. `on` is the arithmetic of all values: `tensors` of `./tfjs`, default typed arrays. */
export interface InpaintingOptions<V> {
  /** The image x0, of the state's shape. */
  readonly known: V;
  /** 1 where the image is kept, 0 where it is drawn, between them mixed; of the state's shape. */
  readonly mask: V;
  /** Of the model: 'epsilon', 'sample', 'velocity', 'flow' or 'score', and EDM's. */
  readonly prediction: PredictionType | Prediction;
  readonly on?: Arithmetic<V>;
}

/**
 * A model whose x0 is the known image where the mask says so. Under any solver the kept part of the state is then at
 * every level what mask blending puts there, alpha x0 + sigma z with the z that the run began with or drew since, and the
 * last state has the image itself. `repaint()` of `./solvers` resamples, so that the rest fits better.
 *
 * @throws OptionError for an unknown option or prediction type.
 */
export function inpainting<
  V,
  C extends { readonly alpha: number; readonly sigma: number; readonly timestep: number },
>(model: AnyModel<V, C>, options: InpaintingOptions<V>): AnyModel<V, C> {
  checkKnownOptions('inpainting', options, ['known', 'mask', 'prediction', 'on']);
  const { known, mask } = options;
  const prediction = checkPrediction(options.prediction);
  const on = arithmeticOf(options.on);
  return async (x, call) => {
    const m = await model(x, call);
    // x0 = a x + b m: what the model would have said, had it known.
    const [a, b] = conversion(prediction, call);
    if (b === 0) return m;
    const held: V[] = [m];
    try {
      const told = on.combine([1 / b, -a / b], [known, x]);
      held.push(told);
      return on.blend(mask, told, m);
    } finally {
      on.free(...held.filter((value) => value !== x));
    }
  };
}
