/** nnU-Net's files: the dataset.json that names labels, and the summary.json that its evaluation writes. */
import { FormatError } from '@tfkit/core';
import type { ConfusionMatrix } from '../counts/confusionMatrix';
import { imageClassCounts, type Regions } from '../scores/classCounts';
import { meanDefined } from '../scores/policies';

/** What a `dataset.json` of nnU-Net says of labels and regions. */
export interface NnunetDataset {
  readonly numClasses: number;
  /** Of the labels that are one value; regions keep the name of their first label's number. */
  readonly classNames: readonly string[];
  /** Labels of several values, if there are any: then all of them, background left out. */
  readonly regions?: Regions;
  readonly ignoreIndex?: number;
  readonly fileEnding: string;
}

/** The labels of a dataset.json (nnU-Net v2). Throws FormatError. */
export function parseNnunetDataset(json: unknown): NnunetDataset {
  const { labels, file_ending: fileEnding = '.nii.gz' } = (json ?? {}) as {
    labels?: Record<string, number | number[]>;
    file_ending?: string;
  };
  if (typeof labels !== 'object' || labels === null || !('background' in labels)) {
    throw new FormatError("parseNnunetDataset: json must have labels with a 'background', got none.");
  }
  const { ignore, ...classes } = labels;
  const values = Object.values(classes).flat();
  if (!values.every((value) => Number.isInteger(value) && value >= 0)) {
    throw new FormatError(`parseNnunetDataset: labels must be whole numbers, got ${JSON.stringify(labels)}.`);
  }
  const numClasses = Math.max(...values) + 1;
  const classNames = Array.from({ length: numClasses }, (_, i) => String(i));
  const regions: Record<string, number[]> = {};
  for (const [name, value] of Object.entries(classes)) {
    if (typeof value === 'number') classNames[value] = name;
    if (name !== 'background') regions[name] = [value].flat();
  }
  const hasRegions = Object.values(classes).some(Array.isArray);
  return {
    numClasses,
    classNames,
    fileEnding,
    ...(hasRegions && { regions }),
    ...(typeof ignore === 'number' && { ignoreIndex: ignore }),
  };
}

interface NnunetMetrics {
  readonly Dice: number;
  readonly IoU: number;
  readonly FN: number;
  readonly FP: number;
  readonly TN: number;
  readonly TP: number;
  readonly n_pred: number;
  readonly n_ref: number;
}

/** A `summary.json` as nnU-Net writes it. */
export interface NnunetSummary {
  readonly foreground_mean: NnunetMetrics;
  /** By label ('1') or region ('(1, 2, 3)'). */
  readonly mean: Readonly<Record<string, NnunetMetrics>>;
  readonly metric_per_case: readonly {
    readonly metrics: Readonly<Record<string, NnunetMetrics>>;
    readonly prediction_file: string;
    readonly reference_file: string;
  }[];
}

/**
 * What nnU-Net v2 writes as summary.json: per case and label, Dice and IoU NaN where both sides are empty; means over the
 * cases where they are defined; the foreground mean over labels (not 0). Needs a matrix with `keepImages`.
 */
export function nnunetSummary(matrix: ConfusionMatrix, regions?: Regions): NnunetSummary {
  const keys = regions
    ? Object.values(regions).map((labels) =>
        labels.length > 1 ? `(${labels.join(', ')})` : String(labels[0]),
      )
    : matrix.classNames.map((_, i) => String(i));
  const chosen = keys.map((key, i) => ({ key, i })).filter(({ key }) => key !== '0');
  const cases = imageClassCounts(matrix, { regions }, 'nnunetSummary').map((counts) =>
    Object.fromEntries(
      chosen.map(({ key, i }) => {
        const [TP, FP, FN, TN] = [counts.tp[i]!, counts.fp[i]!, counts.fn[i]!, counts.tn[i]!];
        const Dice = (2 * TP) / (2 * TP + FP + FN);
        return [key, { Dice, IoU: TP / (TP + FP + FN), FN, FP, TN, TP, n_pred: TP + FP, n_ref: TP + FN }];
      }),
    ),
  );
  const meanOf = (rows: readonly NnunetMetrics[]): NnunetMetrics => {
    const of = (name: keyof NnunetMetrics) => meanDefined(rows.map((row) => row[name])).value;
    const names = ['Dice', 'FN', 'FP', 'IoU', 'TN', 'TP', 'n_pred', 'n_ref'] as const;
    return Object.fromEntries(names.map((name) => [name, of(name)])) as unknown as NnunetMetrics;
  };
  const mean = Object.fromEntries(chosen.map(({ key }) => [key, meanOf(cases.map((row) => row[key]!))]));
  return {
    foreground_mean: meanOf(Object.values(mean)),
    mean,
    metric_per_case: cases.map((metrics, i) => ({
      metrics,
      prediction_file: matrix.images[i]!.name,
      reference_file: matrix.images[i]!.name,
    })),
  };
}
