import { checkInteger, OptionError } from '@tfkit/core';
import { type CocoRle, parseRle, type Rle, rleArea, rleIou } from './panoptic/rle';
import { meanDefined } from './scores/policies';

/** A detected object, as COCO's result files have it. */
export interface InstanceDetection {
  readonly imageId: number | string;
  readonly categoryId: number;
  readonly score: number;
  readonly mask: CocoRle;
}

/** An annotated object, as COCO's annotation files have it. */
export interface InstanceTarget {
  readonly imageId: number | string;
  readonly categoryId: number;
  readonly mask: CocoRle;
  readonly iscrowd?: boolean | number;
  /** In pixels, for the size ranges. Default: that of the mask. */
  readonly area?: number;
}

export interface MaskApOptions {
  /** Default 0.50, 0.55, ... 0.95. */
  readonly iouThresholds?: readonly number[];
  /** Detections of an image and category that count, best first. Default 100. */
  readonly maxDetections?: number;
}

/** The sizes of objects that COCO tells apart: up to 32^2, 96^2 and above, in pixels. */
export type AreaRange = 'all' | 'small' | 'medium' | 'large';

/** COCO's numbers; NaN where there is no target (COCO prints -1). */
export interface MaskApResult {
  /** AP: mean over IoU thresholds and categories of the area under the 101-point precision-recall curve. */
  readonly ap: number;
  readonly ap50: number;
  readonly ap75: number;
  readonly apSmall: number;
  readonly apMedium: number;
  readonly apLarge: number;
  /** AR: mean over thresholds and categories of the largest recall. */
  readonly ar: number;
  readonly perCategory: ReadonlyMap<number, number>;
}

const areaRanges: Record<AreaRange, readonly [number, number]> = {
  all: [0, 1e10],
  small: [0, 1024],
  medium: [1024, 9216],
  large: [9216, 1e10],
};

interface Judged {
  readonly score: number;
  /** By IoU threshold: matched, and left out (crowd, or outside the area range). */
  readonly matched: readonly boolean[];
  readonly ignored: readonly boolean[];
}

/**
 * Instance mask average precision as COCOeval for `segm`: greedy matching by score, crowd targets absorb, size ranges
 * by area (small up to 32^2, medium up to 96^2 pixels).
 *
 * @throws OptionError if an option or a number is out of its range.
 *
 * Source: Lin et al., Microsoft COCO, 2014 (arXiv:1405.0312); pycocotools, cocoeval.py.
 */
export function maskAveragePrecision(
  detections: readonly InstanceDetection[],
  targets: readonly InstanceTarget[],
  options: MaskApOptions = {},
): MaskApResult {
  const { iouThresholds = Array.from({ length: 10 }, (_, i) => 0.5 + 0.05 * i), maxDetections = 100 } =
    options;
  checkInteger(['maskAveragePrecision', 'maxDetections'], maxDetections, { min: 1 });
  if (detections.some(({ score }) => !Number.isFinite(score))) {
    throw new OptionError('maskAveragePrecision: detections must have finite scores.');
  }
  const pairs = groupByImage(detections, targets, maxDetections);
  const categories = [...new Set(targets.map(({ categoryId }) => categoryId))].sort((a, b) => a - b);
  const curves = (range: AreaRange) =>
    categories.map((category) => {
      const images = pairs.filter((pair) => pair.categoryId === category);
      const judged = images.map((pair) => judgeImage(pair, iouThresholds, areaRanges[range]));
      const positives = judged.reduce((sum, image) => sum + image.positives, 0);
      const rows = judged
        .flatMap((image) => image.detections)
        .map((row, order) => ({ row, order }))
        .sort((a, b) => b.row.score - a.row.score || a.order - b.order)
        .map(({ row }) => row);
      return iouThresholds.map((_, k) =>
        positives === 0 ? undefined : precisionAndRecall(rows, k, positives),
      );
    });
  const all = curves('all');
  const mean = (table: ReturnType<typeof curves>, key: 'precision' | 'recall', only?: number) =>
    meanDefined(
      table.flatMap((row) =>
        row.flatMap((curve, k) =>
          curve && (only === undefined || Math.abs(iouThresholds[k]! - only) < 1e-9) ? [curve[key]] : [],
        ),
      ),
    ).value;
  return {
    ap: mean(all, 'precision'),
    ap50: mean(all, 'precision', 0.5),
    ap75: mean(all, 'precision', 0.75),
    apSmall: mean(curves('small'), 'precision'),
    apMedium: mean(curves('medium'), 'precision'),
    apLarge: mean(curves('large'), 'precision'),
    ar: mean(all, 'recall'),
    perCategory: new Map(categories.map((category, i) => [category, mean([all[i]!], 'precision')])),
  };
}

interface ImagePair {
  readonly categoryId: number;
  readonly detections: readonly { readonly score: number; readonly area: number }[];
  readonly targets: readonly { readonly area: number; readonly crowd: boolean }[];
  /** [detection][target] */
  readonly ious: readonly (readonly number[])[];
}

function groupByImage(
  detections: readonly InstanceDetection[],
  targets: readonly InstanceTarget[],
  maxDetections: number,
): ImagePair[] {
  const groups = new Map<
    string,
    { imageId: number | string; categoryId: number; d: InstanceDetection[]; t: InstanceTarget[] }
  >();
  const group = ({ imageId, categoryId }: { imageId: number | string; categoryId: number }) => {
    const key = JSON.stringify([imageId, categoryId]);
    if (!groups.has(key)) groups.set(key, { imageId, categoryId, d: [], t: [] });
    return groups.get(key)!;
  };
  for (const detection of detections) group(detection).d.push(detection);
  for (const target of targets) group(target).t.push(target);
  // COCOeval goes through the images in order of their ids; ties of score keep that order.
  const ordered = [...groups.values()].sort((a, b) =>
    typeof a.imageId === 'number' && typeof b.imageId === 'number'
      ? a.imageId - b.imageId
      : String(a.imageId) < String(b.imageId)
        ? -1
        : Number(String(a.imageId) > String(b.imageId)),
  );
  return ordered.map(({ categoryId, d, t }) => {
    const best = [...d].sort((a, b) => b.score - a.score).slice(0, maxDetections);
    const masks: Rle[] = best.map(({ mask }) => parseRle(mask));
    const targetMasks = t.map(({ mask }) => parseRle(mask));
    return {
      categoryId,
      detections: best.map(({ score }, i) => ({ score, area: rleArea(masks[i]!) })),
      targets: t.map(({ area, iscrowd }, i) => ({
        area: area ?? rleArea(targetMasks[i]!),
        crowd: Boolean(iscrowd),
      })),
      ious: masks.map((mask) => targetMasks.map((target, i) => rleIou(mask, target, Boolean(t[i]!.iscrowd)))),
    };
  });
}

function judgeImage(pair: ImagePair, thresholds: readonly number[], [low, high]: readonly [number, number]) {
  const ignored = pair.targets.map(({ crowd, area }) => crowd || area < low || area > high);
  // Targets that count come first: a detection takes one that does not only if none of them fits.
  const order = [...pair.targets.keys()].sort((a, b) => Number(ignored[a]) - Number(ignored[b]) || a - b);
  const perThreshold = thresholds.map((threshold) => {
    const taken = new Set<number>();
    return pair.detections.map(({ area }, d) => {
      let best = Math.min(threshold, 1 - 1e-10);
      let match = -1;
      for (const g of order) {
        if (taken.has(g) && !pair.targets[g]!.crowd) continue;
        if (match >= 0 && !ignored[match] && ignored[g]) break;
        if (pair.ious[d]![g]! < best) continue;
        best = pair.ious[d]![g]!;
        match = g;
      }
      if (match >= 0) taken.add(match);
      return {
        matched: match >= 0,
        ignored: match >= 0 ? ignored[match]! : area < low || area > high,
      };
    });
  });
  return {
    positives: ignored.filter((skip) => !skip).length,
    detections: pair.detections.map(
      ({ score }, d): Judged => ({
        score,
        matched: perThreshold.map((row) => row[d]!.matched),
        ignored: perThreshold.map((row) => row[d]!.ignored),
      }),
    ),
  };
}

function precisionAndRecall(rows: readonly Judged[], k: number, positives: number) {
  const precision: number[] = [];
  const recall: number[] = [];
  let [tp, fp] = [0, 0];
  for (const { matched, ignored } of rows) {
    if (!ignored[k]) {
      if (matched[k]) tp++;
      else fp++;
    }
    recall.push(tp / positives);
    precision.push(tp + fp === 0 ? 0 : tp / (tp + fp));
  }
  // The envelope: at each recall the best precision at that recall or beyond.
  for (let i = precision.length - 1; i > 0; i--) {
    precision[i - 1] = Math.max(precision[i - 1]!, precision[i]!);
  }
  let sum = 0;
  for (let step = 0, i = 0; step <= 100; step++) {
    while (i < recall.length && recall[i]! < step / 100) i++;
    sum += precision[i] ?? 0;
  }
  return { precision: sum / 101, recall: recall.at(-1) ?? 0 };
}
