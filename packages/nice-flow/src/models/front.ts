/** What a preset puts between data and its layers: their support, or their location and scale. */
import { checkKnownOptions, formatValue, OptionError } from '@tfkit/core';
import type { Bijector } from '../bijector';
import { checkRange, logit } from '../bijectors/logit';
import { type Standardization, standardize } from '../bijectors/standardize';

/** An interval for all entries, or one for each. */
export type Support =
  | readonly [low: number, high: number]
  | readonly (readonly [low: number, high: number])[];

export interface FrontOptions {
  /**
   * Whether the data are brought to mean 0 and deviation 1 first: by the first batch of `fit` (true), by numbers of yours, or
   * not. Default true, but for a bounded support.
   */
  readonly standardize?: boolean | Standardization;
  /** Where the data lie, if they are bounded: then so are the samples. Default: the whole line. */
  readonly support?: Support;
}

/** Distance that a logit keeps from the ends of the support. */
const margin = 1e-5;

/** The layers in front of a flow on the line: a logit for a bounded support, then the standardization. */
export function lineFront(
  functionName: string,
  options: FrontOptions,
  features: number,
): Record<string, Bijector> {
  const { support, standardize: wanted = true } = options;
  const bounds = support && boxOf(functionName, support, features);
  return {
    ...(bounds && { box: bounds.unit, logit: logit({ alpha: margin }) }),
    ...(wanted !== false && { standardize: standardize(wanted === true ? undefined : checked(wanted)) }),
  };
}

/** Numbers of a support, as a layer to [0, 1] and as one to [-bound, bound]. */
export function boxOf(functionName: string, support: Support, features: number) {
  const intervals = (
    Array.isArray(support[0]) ? support : Array.from({ length: features }, () => support)
  ) as readonly (readonly [number, number])[];
  if (intervals.length !== features) {
    throw new OptionError(
      `${functionName}: support must be [low, high] or ${features} of them, got ${formatValue(intervals.length)}.`,
    );
  }
  for (const interval of intervals) checkRange(functionName, interval);
  const lows = intervals.map(([low]) => low);
  const widths = intervals.map(([low, high]) => high - low);
  return {
    unit: standardize({ mean: lows, deviation: widths }),
    box: (bound: number) =>
      standardize({
        mean: lows.map((low, i) => low + widths[i]! / 2),
        deviation: widths.map((width) => width / (2 * bound)),
      }),
  };
}

function checked(standardization: Standardization): Standardization {
  checkKnownOptions('standardize', standardization, ['mean', 'deviation']);
  return standardization;
}
