import { checkNumber, FormatError, OptionError, ShapeError, ValueError } from '@tfkit/core';
import { type LabelArray, numericLabels } from '../counts/labels';
import { meanDefined } from '../scores/policies';

/** A category of COCO's panoptic JSON. */
export interface PanopticCategory {
  readonly id: number;
  readonly name?: string;
  /** 1 or true for things, 0 or false for stuff. */
  readonly isthing: number | boolean;
}

/** A segment of one image: an entry of `segments_info`. */
export interface PanopticSegment {
  readonly id: number;
  readonly category_id: number;
  /** Target only: a crowd region is neither matched nor missed, and absorbs predictions of its category. */
  readonly iscrowd?: number | boolean;
}

/** The categories, and the id of pixels that count nothing. */
export interface PanopticQualityOptions {
  readonly categories: readonly PanopticCategory[];
  /** The id of unlabelled pixels. Default 0. */
  readonly voidId?: number;
  /** Segments match above this IoU, strictly; below 0.5 matches would not be unique. Default 0.5. */
  readonly iouThreshold?: number;
}

/** Matched and unmatched segments of a category, and its panoptic quality in [0, 1]. */
export interface CategoryQuality {
  readonly tp: number;
  readonly fp: number;
  readonly fn: number;
  /** Sum of the IoUs of the matches. */
  readonly iouSum: number;
  /** iouSum / (tp + fp/2 + fn/2); 0 where 0/0, as sq and rq. */
  readonly pq: number;
  readonly sq: number;
  readonly rq: number;
}

/** Panoptic, segmentation and recognition quality, means over categories, each in [0, 1]. */
export interface PanopticMean {
  readonly pq: number;
  readonly sq: number;
  readonly rq: number;
  /** Categories with any segment, which the mean is over; NaN of none. */
  readonly categories: number;
}

/** Panoptic quality by category, and means over all, things and stuff. */
export interface PanopticResult {
  readonly perCategory: ReadonlyMap<number, CategoryQuality>;
  readonly all: PanopticMean;
  readonly things: PanopticMean;
  readonly stuff: PanopticMean;
  readonly images: number;
}

/** Of the portable state. */
export const panopticFormat = 'tfkit-panoptic-quality';

interface Tally {
  tp: number;
  fp: number;
  fn: number;
  iouSum: number;
}

/**
 * Panoptic quality, accumulated over images exactly as panopticapi: void pixels of the target leave the union, an
 * unmatched prediction lying mostly in void and crowd of its category is no false positive, categories without any
 * segment are left out of the means.
 *
 * Source: Kirillov et al., Panoptic Segmentation, CVPR 2019 (arXiv:1801.00868); panopticapi, evaluation.py.
 *
 * @example
 * const pq = new PanopticQuality({ categories });
 * pq.update(predictionIds, targetIds, { predictionSegments, targetSegments });
 * console.log(pq.result().all.pq);
 */
export class PanopticQuality {
  readonly categories: readonly PanopticCategory[];
  readonly voidId: number;
  readonly iouThreshold: number;
  private readonly tallies: Map<number, Tally>;
  private images = 0;

  constructor({ categories, voidId = 0, iouThreshold = 0.5 }: PanopticQualityOptions) {
    checkNumber(['PanopticQuality', 'iouThreshold'], iouThreshold, { min: 0.5, max: 1, open: 'max' });
    this.categories = categories;
    this.voidId = voidId;
    this.iouThreshold = iouThreshold;
    this.tallies = new Map(categories.map(({ id }) => [id, { tp: 0, fp: 0, fn: 0, iouSum: 0 }]));
    if (this.tallies.size !== categories.length) {
      throw new OptionError('PanopticQuality: categories must have distinct ids.');
    }
  }

  /**
   * Counts one image, and returns this.
   *
   * @param predictions, targets segment ids, flat, of one length.
   * @throws ValueError if a map holds an id that its segments do not list, or lists a segment without pixels.
   */
  update(
    predictions: LabelArray,
    targets: LabelArray,
    segments: {
      readonly predictionSegments: readonly PanopticSegment[];
      readonly targetSegments: readonly PanopticSegment[];
    },
  ): this {
    const p = numericLabels(predictions);
    const t = numericLabels(targets);
    if (p.length !== t.length) {
      throw new ShapeError(`update: predictions must have ${t.length} pixels as targets, got ${p.length}.`);
    }
    const predicted = this.areas(p, segments.predictionSegments, 'predictions');
    const present = this.areas(t, segments.targetSegments, 'targets');
    const overlap = overlaps(p, t);
    const area = (targetId: number, predictionId: number) => overlap.get(targetId)?.get(predictionId) ?? 0;
    const matchedTargets = new Set<number>();
    const matchedPredictions = new Set<number>();
    for (const [targetId, row] of overlap) {
      const target = present.get(targetId);
      if (!target || target.segment.iscrowd) continue;
      for (const [predictionId, intersection] of row) {
        const prediction = predicted.get(predictionId);
        if (!prediction || prediction.segment.category_id !== target.segment.category_id) continue;
        const union = target.area + prediction.area - intersection - area(this.voidId, predictionId);
        const iou = intersection / union;
        if (!(iou > this.iouThreshold)) continue;
        const tally = this.tallies.get(target.segment.category_id)!;
        tally.tp++;
        tally.iouSum += iou;
        matchedTargets.add(targetId);
        matchedPredictions.add(predictionId);
      }
    }
    const crowds = new Map<number, number>();
    for (const [id, { segment }] of present) {
      if (segment.iscrowd) crowds.set(segment.category_id, id);
      else if (!matchedTargets.has(id)) this.tallies.get(segment.category_id)!.fn++;
    }
    for (const [id, { segment, area: size }] of predicted) {
      if (matchedPredictions.has(id)) continue;
      const crowd = crowds.get(segment.category_id);
      const excused = area(this.voidId, id) + (crowd === undefined ? 0 : area(crowd, id));
      if (excused / size <= 0.5) this.tallies.get(segment.category_id)!.fp++;
    }
    this.images++;
    return this;
  }

  /** Adds the counts of another accumulator over the same categories, and returns this. */
  merge(other: PanopticQuality): this {
    for (const [id, tally] of this.tallies) {
      const more = other.tallies.get(id);
      if (!more || other.tallies.size !== this.tallies.size) {
        throw new OptionError('merge: other must have the same categories.');
      }
      tally.tp += more.tp;
      tally.fp += more.fp;
      tally.fn += more.fn;
      tally.iouSum += more.iouSum;
    }
    this.images += other.images;
    return this;
  }

  result(): PanopticResult {
    const perCategory = new Map([...this.tallies].map(([id, tally]) => [id, quality(tally)]));
    const mean = (keep: (category: PanopticCategory) => boolean): PanopticMean => {
      const rows = this.categories
        .filter(keep)
        .map(({ id }) => perCategory.get(id)!)
        .filter(({ tp, fp, fn }) => tp + fp + fn > 0);
      const of = (key: 'pq' | 'sq' | 'rq') => meanDefined(rows.map((row) => row[key])).value;
      return { pq: of('pq'), sq: of('sq'), rq: of('rq'), categories: rows.length };
    };
    return {
      perCategory,
      all: mean(() => true),
      things: mean(({ isthing }) => Boolean(isthing)),
      stuff: mean(({ isthing }) => !isthing),
      images: this.images,
    };
  }

  toJSON(): object {
    const { categories, voidId, iouThreshold, images } = this;
    const tallies = Object.fromEntries(this.tallies);
    return { format: panopticFormat, version: 1, categories, voidId, iouThreshold, images, tallies };
  }

  /** The accumulator that `toJSON` wrote. Throws FormatError for anything else. */
  static fromJSON(json: unknown): PanopticQuality {
    const value = json as PanopticQualityOptions & {
      format: string;
      version: number;
      images: number;
      tallies: Record<string, Tally>;
    };
    if (value?.format !== panopticFormat || value.version !== 1 || !Array.isArray(value.categories)) {
      throw new FormatError(
        `PanopticQuality.fromJSON: json must have format '${panopticFormat}', version 1 and categories.`,
      );
    }
    const result = new PanopticQuality(value);
    for (const [id, tally] of result.tallies) {
      const { tp, fp, fn, iouSum } = value.tallies?.[id] ?? ({} as Partial<Tally>);
      for (const count of [tp, fp, fn, value.images]) {
        if (typeof count === 'number' && Number.isSafeInteger(count) && count >= 0) continue;
        throw new FormatError(
          `PanopticQuality.fromJSON: json must have whole counts of category ${id}, got ${count}.`,
        );
      }
      if (!(typeof iouSum === 'number' && iouSum >= 0 && iouSum <= tp!)) {
        throw new FormatError(
          `PanopticQuality.fromJSON: json must have an iouSum of category ${id} up to its tp, got ${iouSum}.`,
        );
      }
      Object.assign(tally, { tp, fp, fn, iouSum });
    }
    result.images = value.images;
    return result;
  }

  private areas(ids: ArrayLike<number>, segments: readonly PanopticSegment[], side: string) {
    const areas = new Map(segments.map((segment) => [segment.id, { segment, area: 0 }]));
    let previous = NaN;
    let entry: { area: number } | undefined;
    for (let i = 0; i < ids.length; i++) {
      const id = ids[i]!;
      if (id !== previous) {
        previous = id;
        entry = areas.get(id);
        if (!entry && id !== this.voidId) {
          throw new ValueError(
            `update: ${side} must hold ids that their segments list, got ${id} at pixel ${i}.`,
          );
        }
      }
      if (entry) entry.area++;
    }
    for (const [id, { segment, area }] of areas) {
      if (!this.tallies.has(segment.category_id)) {
        throw new ValueError(
          `update: ${side} must be of the known categories, got ${segment.category_id} of segment ${id}.`,
        );
      }
      if (area === 0) {
        throw new ValueError(`update: ${side} must have pixels of every segment listed, got none of ${id}.`);
      }
    }
    return areas;
  }
}

/** Pixels of every (target id, prediction id) pair that occurs. */
function overlaps(p: ArrayLike<number>, t: ArrayLike<number>): Map<number, Map<number, number>> {
  const overlap = new Map<number, Map<number, number>>();
  for (let i = 0; i < p.length; ) {
    const start = i;
    const targetId = t[i]!;
    const predictionId = p[i]!;
    while (i < p.length && t[i] === targetId && p[i] === predictionId) i++;
    let row = overlap.get(targetId);
    if (!row) {
      row = new Map();
      overlap.set(targetId, row);
    }
    row.set(predictionId, (row.get(predictionId) ?? 0) + i - start);
  }
  return overlap;
}

function quality({ tp, fp, fn, iouSum }: Tally): CategoryQuality {
  const weight = tp + fp / 2 + fn / 2;
  return {
    ...{ tp, fp, fn, iouSum },
    pq: weight === 0 ? 0 : iouSum / weight,
    sq: tp === 0 ? 0 : iouSum / tp,
    rq: weight === 0 ? 0 : tp / weight,
  };
}
