import { checkOneOf } from '@tfkit/core';
import type { SurfaceDistances } from './surfaceDistances';

/**
 * What a distance is where one side of an image has none of the class: Infinity; the map's diagonal (BraTS-type
 * penalty); NaN; or left out of the mean. Where both sides are empty the image is left out ('nan': NaN).
 */
export type EmptyMaskPolicy = 'inf' | 'diagonal' | 'nan' | 'exclude';

/** A mean of distances over images, with what became of empty masks. */
export interface DistanceMean {
  readonly value: number;
  readonly policy: EmptyMaskPolicy;
  /** Images that entered the mean. */
  readonly used: number;
  /** Images whose prediction, or target, or both lack the class: to be told beside the number. */
  readonly emptyPrediction: number;
  readonly emptyTarget: number;
  readonly bothEmpty: number;
}

/**
 * The mean of a distance over images under an empty-mask policy, with how many images were empty. A mean that skips
 * undefined values silently improves when a structure is missed altogether; this one says so.
 *
 * @throws OptionError if an option or a number is out of its range.
 */
export function meanDistance(
  images: readonly Pick<SurfaceDistances, 'empty' | 'diagonal'>[],
  values: ArrayLike<number>,
  policy: EmptyMaskPolicy = 'inf',
): DistanceMean {
  checkOneOf(['meanDistance', 'policy'], policy, ['inf', 'diagonal', 'nan', 'exclude']);
  let sum = 0;
  let used = 0;
  images.forEach(({ empty, diagonal }, i) => {
    if (empty === 'both' && policy !== 'nan') return;
    if (empty !== 'none' && policy === 'exclude') return;
    used++;
    if (empty === 'none') sum += values[i]!;
    else sum += policy === 'inf' ? Infinity : policy === 'diagonal' ? diagonal : NaN;
  });
  const count = (side: SurfaceDistances['empty']) => images.filter(({ empty }) => empty === side).length;
  return {
    value: used === 0 ? NaN : sum / used,
    policy,
    used,
    emptyPrediction: count('prediction'),
    emptyTarget: count('target'),
    bothEmpty: count('both'),
  };
}
