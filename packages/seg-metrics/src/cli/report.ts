/** The numbers of a run, once, for the table, JSON, CSV and HTML alike. */
import type { ConfusionMatrix } from '../counts/confusionMatrix';
import { type PresetScores, presetScores } from '../presets';
import { classCounts } from '../scores/classCounts';
import {
  bootstrap,
  type Interval,
  type RankedImage,
  type SizeStratum,
  scoreBySize,
  worstImages,
} from '../scores/images';
import {
  cohensKappa,
  frequencyWeightedIou,
  matthewsCorrelation,
  pixelAccuracy,
} from '../scores/matrixScores';
import { meanDefined } from '../scores/policies';
import { type ClassMetric, type Score, score } from '../scores/score';
import { type DistanceMean, meanDistance } from '../surfaces/emptyMasks';
import type { ClassDistances, ImageResult } from './evaluateImage';
import type { DistanceMetricName, Settings } from './options';

export const perClassMetrics = ['iou', 'dice', 'precision', 'recall', 'specificity'] as const;

export interface Report {
  readonly settings: Settings;
  readonly matrix: ConfusionMatrix;
  readonly images: readonly ImageResult[];
  /** Dataset scores of each metric, by the policy. */
  readonly scores: Readonly<Record<(typeof perClassMetrics)[number], Score>>;
  readonly overall: Readonly<Record<string, number>>;
  readonly imageMeans: { readonly miou: Score; readonly dice: Score };
  readonly intervals: Readonly<Record<string, Interval>>;
  readonly distances: readonly DistanceRow[];
  readonly distanceUnit: string;
  readonly bySize: readonly SizeStratum[];
  readonly worst: readonly RankedImage[];
  readonly preset: PresetScores | undefined;
  readonly support: Float64Array;
}

export interface DistanceRow {
  readonly metric: DistanceMetricName;
  readonly perClass: readonly { readonly label: number; readonly mean: DistanceMean }[];
  readonly value: number;
}

export function buildReport(
  matrix: ConfusionMatrix,
  images: readonly ImageResult[],
  settings: Settings,
): Report {
  const { policy, regions, bootstrap: samples, preset } = settings;
  const of = (metric: ClassMetric) => score(matrix, metric, { policy, regions });
  const scores = Object.fromEntries(
    perClassMetrics.map((metric) => [metric, of(metric)]),
  ) as Report['scores'];
  const options = { policy, regions };
  return {
    ...{ settings, matrix, images, scores },
    overall: {
      pa: pixelAccuracy(matrix),
      miou: scores.iou.value,
      mpa: scores.recall.value,
      fwiou: frequencyWeightedIou(matrix).value,
      mdice: scores.dice.value,
      kappa: cohensKappa(matrix),
      mcc: matthewsCorrelation(matrix),
    },
    imageMeans: {
      miou: score(matrix, 'iou', { ...options, level: 'image-means' }),
      dice: score(matrix, 'dice', { ...options, level: 'image-means' }),
    },
    intervals:
      samples > 0
        ? {
            miou: bootstrap(matrix, (m) => score(m, 'iou', options).value, { samples }),
            mdice: bootstrap(matrix, (m) => score(m, 'dice', options).value, { samples }),
            pa: bootstrap(matrix, (m) => pixelAccuracy(m), { samples }),
          }
        : {},
    distances: settings.distances.map((metric) => distanceRow(metric, images, settings)),
    distanceUnit: [...new Set(images.map(({ unit }) => unit))].join(' and '),
    bySize: scoreBySize(matrix, 'iou', options),
    worst: worstImages(matrix, { ...options, metric: 'iou', count: 8 }),
    preset: preset && presetScores(matrix, preset, { regions }),
    support: classCounts(matrix, { regions }).support,
  };
}

/** Shares (nsd, boundary scores) of an absent class are 0 or NaN by definition; distances follow the empty policy. */
function distanceRow(
  metric: DistanceMetricName,
  images: readonly ImageResult[],
  settings: Settings,
): DistanceRow {
  const labels = [...new Set(images.flatMap(({ distances }) => distances.map(({ label }) => label)))];
  const isDistance = metric === 'hd' || metric === 'hd95' || metric === 'assd';
  const perClass = labels.map((label) => {
    const rows = images.flatMap(({ distances }) => distances.filter((row) => row.label === label));
    return { label, mean: classMean(metric, rows, isDistance ? settings.empty : undefined) };
  });
  return { metric, perClass, value: meanDefined(perClass.map(({ mean }) => mean.value)).value };
}

function classMean(
  metric: DistanceMetricName,
  rows: readonly ClassDistances[],
  empty: Settings['empty'] | undefined,
): DistanceMean {
  const values = rows.map((row) => row.values[metric]!);
  if (empty) return meanDistance(rows, values, empty);
  return { ...meanDistance(rows, values, 'exclude'), ...meanDefined(values) };
}

/** The JSON of a report: numbers as they are, NaN and infinities as strings, the raw counts for merging. */
export function reportJson(report: Report): string {
  const { matrix, images, scores, overall, imageMeans, intervals, distances, bySize, worst, preset } = report;
  const { policy, empty } = report.settings;
  const value = {
    ...{ format: 'seg-metrics-report', version: 1, policy, empty, distanceUnit: report.distanceUnit },
    ...{ images: matrix.numImages, overall, scores, imageMeans, intervals, distances, bySize, worst, preset },
    perImage: images.map(({ name, distances: rows }) => ({ name, distances: rows })),
    matrix,
  };
  return JSON.stringify(
    value,
    (_, item) => {
      if (item instanceof Float64Array) return [...item];
      return typeof item === 'number' && !Number.isFinite(item) ? String(item) : item;
    },
    1,
  );
}
