/** How a vector over classes becomes one number, when some classes are absent and their value is 0/0. */
import type { ClassCounts } from './classCounts';

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

const zeroed = (value: number) => value || 0;
const oned = (value: number) => (Number.isNaN(value) ? 1 : value);

/** The values that enter the mean. */
const policies = {
  'nan-skipped': (values) => values,
  'undefined-as-0': (values) => values.map(zeroed),
  'undefined-as-1': (values) => values.map(oned),
  'classes-in-target': (values, { support }) => values.map(zeroed).filter((_, i) => support[i]! > 0),
  'classes-in-target-or-prediction': (values, { support, predicted }) =>
    values.map(zeroed).filter((_, i) => support[i]! + predicted[i]! > 0),
  'without-class-0': (values) => values.subarray(1),
} satisfies Record<string, (values: Float64Array, counts: ClassCounts) => Float64Array>;

/**
 * Which classes enter a mean:
 * - 'nan-skipped': those whose value is defined (mmseg, Cityscapes; the default)
 * - 'undefined-as-0', 'undefined-as-1': all, 0/0 read as that number (scikit-learn's and smp's zero_division)
 * - 'classes-in-target': those with target pixels, 0/0 read as 0 (balanced accuracy)
 * - 'classes-in-target-or-prediction': those with any pixel, 0/0 read as 0 (torchmetrics' macro)
 * - 'without-class-0': 1.. whose value is defined (medical papers: no background)
 */
export type AbsentClassPolicy = keyof typeof policies;

/** The policies for classes that an image or a data set lacks, by name. */
export const absentClassPolicies = Object.keys(policies) as AbsentClassPolicy[];

/** The mean over classes under a policy. */
export const meanByPolicy = (values: Float64Array, policy: AbsentClassPolicy, counts: ClassCounts): Mean =>
  meanDefined(policies[policy](values, counts));
