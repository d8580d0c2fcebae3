/** How a vector over classes becomes one number, when some classes are absent and their value is 0/0. */
import type { ClassCounts } from './classCounts';

export const absentClassPolicies = [
  'nan-skipped',
  'undefined-as-0',
  'undefined-as-1',
  'classes-in-target',
  'classes-in-target-or-prediction',
  'without-class-0',
] as const;

/**
 * Which classes enter a mean:
 * - 'nan-skipped': those whose value is defined (mmseg, Cityscapes; the default)
 * - 'undefined-as-0', 'undefined-as-1': all, 0/0 read as that number (scikit-learn's and smp's zero_division)
 * - 'classes-in-target': those with target pixels, 0/0 read as 0 (balanced accuracy)
 * - 'classes-in-target-or-prediction': those with any pixel, 0/0 read as 0 (torchmetrics' macro)
 * - 'without-class-0': 1.. whose value is defined (medical papers: no background)
 */
export type AbsentClassPolicy = (typeof absentClassPolicies)[number];

/** A mean and how many values entered it; NaN of none. */
export interface Mean {
  readonly value: number;
  readonly used: number;
}

/** The mean of the values that are not NaN. */
export function meanDefined(values: Iterable<number>): Mean {
  let sum = 0;
  let used = 0;
  for (const value of values) {
    if (Number.isNaN(value)) continue;
    sum += value;
    used++;
  }
  return { value: used === 0 ? NaN : sum / used, used };
}

/** The mean over classes under a policy. */
export function meanByPolicy(values: Float64Array, policy: AbsentClassPolicy, counts: ClassCounts): Mean {
  const { support, predicted } = counts;
  const zeroed = values.map((value) => (Number.isNaN(value) ? 0 : value));
  switch (policy) {
    case 'nan-skipped':
      return meanDefined(values);
    case 'undefined-as-0':
      return meanDefined(zeroed);
    case 'undefined-as-1':
      return meanDefined(values.map((value) => (Number.isNaN(value) ? 1 : value)));
    case 'classes-in-target':
      return meanDefined(zeroed.filter((_, i) => support[i]! > 0));
    case 'classes-in-target-or-prediction':
      return meanDefined(zeroed.filter((_, i) => support[i]! > 0 || predicted[i]! > 0));
    case 'without-class-0':
      return meanDefined(values.subarray(1));
  }
}
