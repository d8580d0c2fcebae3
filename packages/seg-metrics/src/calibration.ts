import { checkInteger, checkNumber, checkOneOf, OptionError, ShapeError, ValueError } from '@tfkit/core';
import { type LabelArray, numericLabels } from './counts/labels';
import type { LogitsLayout } from './counts/logits';

/** Classes, ignored labels and bins. */
export interface CalibrationOptions {
  readonly numClasses: number;
  /** Target value whose pixels are left out. Default none. */
  readonly ignoreIndex?: number | null;
  /** Equal bins of confidence over [0, 1]; bin j is (j/n, (j+1)/n], the first takes 0 too. Default 15. */
  readonly bins?: number;
  /** Probabilities below this count as it in the log. Default 1e-12. */
  readonly floor?: number;
}

/** One bin of confidence: pixels, their mean confidence and their accuracy. */
export interface CalibrationBin {
  readonly count: number;
  /** NaN for an empty bin, as accuracy. */
  readonly meanConfidence: number;
  readonly accuracy: number;
}

/** Calibration errors and scores over all pixels counted. */
export interface CalibrationResult {
  readonly pixels: number;
  /** Share of right predictions. */
  readonly accuracy: number;
  /** Expected calibration error: mean |confidence - accuracy| over pixels, by bin. */
  readonly ece: number;
  /** Maximum calibration error: the largest gap of a bin with pixels. */
  readonly mce: number;
  /** Root mean square calibration error. */
  readonly rmsce: number;
  /** Mean over pixels of the squared error summed over classes, in [0, 2]. */
  readonly brier: number;
  /** Mean negative log-probability of the target class, in nats. */
  readonly nll: number;
  readonly bins: readonly CalibrationBin[];
}

/**
 * Calibration of class probabilities, accumulated over images: confidence is the largest probability.
 *
 * Source: Guo et al., On Calibration of Modern Neural Networks, ICML 2017 (arXiv:1706.04599).
 *
 * @example
 * const calibration = new Calibration({ numClasses: 2 });
 * calibration.update([0.9, 0.1, 0.4, 0.6], [0, 1]); // two pixels, classes last
 * console.log(calibration.result().ece);
 */
export class Calibration {
  private readonly numClasses: number;
  private readonly ignoreIndex: number;
  private readonly floor: number;
  private readonly counts: Float64Array;
  private readonly confidences: Float64Array;
  private readonly hits: Float64Array;
  private brierSum = 0;
  private nllSum = 0;

  constructor({ numClasses, ignoreIndex, bins = 15, floor = 1e-12 }: CalibrationOptions) {
    checkInteger(['Calibration', 'numClasses'], numClasses, { min: 1 });
    checkInteger(['Calibration', 'bins'], bins, { min: 1 });
    checkNumber(['Calibration', 'floor'], floor, { min: 0, max: 1, open: 'min' });
    this.numClasses = numClasses;
    this.ignoreIndex = ignoreIndex ?? NaN;
    this.floor = floor;
    this.counts = new Float64Array(bins);
    this.confidences = new Float64Array(bins);
    this.hits = new Float64Array(bins);
  }

  /**
   * Counts images, and returns this.
   *
   * @param probabilities flat, [pixels, classes] ('channels-last', default) or [images, classes, pixels].
   * @throws ValueError for a probability outside [0, 1] (2e-6 of rounding allowed) or a target that is no class.
   */
  update(
    probabilities: ArrayLike<number>,
    targets: LabelArray,
    options: { readonly layout?: LogitsLayout; readonly images?: number } = {},
  ): this {
    const { layout = 'channels-last', images = 1 } = options;
    checkOneOf(['update', 'layout'], layout, ['channels-last', 'channels-first']);
    const t = numericLabels(targets);
    const n = this.numClasses;
    if (probabilities.length !== t.length * n) {
      throw new ShapeError(
        `update: probabilities must have ${t.length} pixels x ${n} classes, got ${probabilities.length} values.`,
      );
    }
    const size = t.length / images;
    const step = layout === 'channels-last' ? 1 : size;
    const check = this.checkPixel(probabilities, step);
    const firstOf = (i: number) =>
      layout === 'channels-last' ? i * n : Math.floor(i / size) * size * (n - 1) + i;
    // Two passes, so that nothing is counted of a map with a bad value.
    for (let i = 0; i < t.length; i++) if (t[i] !== this.ignoreIndex) check(firstOf(i), t[i]!, i);
    for (let i = 0; i < t.length; i++) {
      if (t[i] !== this.ignoreIndex) this.addPixel(probabilities, firstOf(i), step, t[i]!);
    }
    return this;
  }

  /** Adds the sums of another accumulator of the same options, and returns this. */
  merge(other: Calibration): this {
    if (other.counts.length !== this.counts.length || other.numClasses !== this.numClasses) {
      throw new OptionError('merge: other must have the same classes and bins.');
    }
    for (const key of ['counts', 'confidences', 'hits'] as const) {
      for (let i = 0; i < this.counts.length; i++) this[key][i]! += other[key][i]!;
    }
    this.brierSum += other.brierSum;
    this.nllSum += other.nllSum;
    return this;
  }

  result(): CalibrationResult {
    const pixels = this.counts.reduce((a, b) => a + b, 0);
    let [ece, mce, squares] = [0, pixels ? 0 : NaN, 0];
    const bins = Array.from(this.counts, (count, j) => {
      const bin = { count, meanConfidence: this.confidences[j]! / count, accuracy: this.hits[j]! / count };
      if (count > 0) {
        const gap = Math.abs(bin.meanConfidence - bin.accuracy);
        ece += count * gap;
        squares += count * gap * gap;
        mce = Math.max(mce, gap);
      }
      return bin;
    });
    return {
      pixels,
      accuracy: this.hits.reduce((a, b) => a + b, 0) / pixels,
      ece: ece / pixels,
      mce,
      rmsce: Math.sqrt(squares / pixels),
      brier: this.brierSum / pixels,
      nll: this.nllSum / pixels,
      bins,
    };
  }

  private checkPixel(probabilities: ArrayLike<number>, step: number) {
    return (first: number, target: number, pixel: number) => {
      if (!(Number.isInteger(target) && target >= 0 && target < this.numClasses)) {
        throw new ValueError(
          `update: targets must be in [0, ${this.numClasses - 1}], got ${target} at pixel ${pixel}.`,
        );
      }
      for (let c = 0; c < this.numClasses; c++) {
        const p = probabilities[first + c * step]!;
        if (p >= -2e-6 && p <= 1 + 2e-6) continue;
        throw new ValueError(
          `update: probabilities must be in [0, 1], got ${p} of class ${c} at pixel ${pixel}. Apply a softmax to logits first.`,
        );
      }
    };
  }

  private addPixel(probabilities: ArrayLike<number>, first: number, step: number, target: number): void {
    let best = -1;
    let label = 0;
    for (let c = 0; c < this.numClasses; c++) {
      const p = Math.fround(probabilities[first + c * step]!);
      this.brierSum += (p - (c === target ? 1 : 0)) ** 2;
      if (p > best) {
        best = p;
        label = c;
      }
    }
    const bins = this.counts.length;
    const bin = Math.min(bins - 1, Math.max(0, Math.ceil(best * bins) - 1));
    this.counts[bin]!++;
    this.confidences[bin]! += best;
    if (label === target) this.hits[bin]!++;
    this.nllSum -= Math.log(Math.max(Math.fround(probabilities[first + target * step]!), this.floor));
  }
}
