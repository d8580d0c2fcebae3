/** The windows with which the paper trains at a fixed size, and where they fail. */
import { checkInteger } from '@tfkit/core';
import { adaptiveBins } from './bins';

/** Window and stride of the paper for a size and a number of bins, in cells, and what they produce. */
export interface PaperWindows {
  readonly size: number;
  readonly bins: number;
  /** ceil(size / bins) cells. */
  readonly window: number;
  /** floor(size / bins) cells; 0 if there are more bins than cells. */
  readonly stride: number;
  /** Windows that fit without padding; 0 if the stride is 0. */
  readonly windowsProduced: number;
  /** Whether these are as many as the bins that were asked for. */
  readonly producesBins: boolean;
  /** Whether there are as many as asked for and the last ends at the last cell. */
  readonly coversAll: boolean;
  /** Whether they are the bins of `adaptiveBins`. Every size that has neither defect is. */
  readonly sameAsAdaptive: boolean;
}

/**
 * What a sliding window of ceil(size / bins) cells with a stride of floor(size / bins) gives, the form in which the paper
 * implements a level for training at one size. For some sizes it gives another number of windows or misses the last
 * cells: 7 cells in 4 bins give 6 windows, 10 cells in 4 bins leave the last out. `spatialPyramidPool` with
 * `windows: 'paper'` refuses those.
 *
 * @throws OptionError if either is no integer >= 1.
 *
 * Source: He et al., Spatial Pyramid Pooling, ECCV 2014 (arXiv:1406.4729), section 2.3.
 */
export function paperWindows(size: number, bins: number): PaperWindows {
  checkInteger(['paperWindows', 'size'], size, { min: 1 });
  checkInteger(['paperWindows', 'bins'], bins, { min: 1 });
  const window = Math.ceil(size / bins);
  const stride = Math.floor(size / bins);
  const windowsProduced = stride === 0 ? 0 : Math.floor((size - window) / stride) + 1;
  const producesBins = windowsProduced === bins;
  const coversAll = producesBins && (bins - 1) * stride + window === size;
  const sameAsAdaptive =
    producesBins &&
    adaptiveBins(size, bins).every(
      ({ start, end }, i) => start === i * stride && end === i * stride + window,
    );
  return { size, bins, window, stride, windowsProduced, producesBins, coversAll, sameAsAdaptive };
}
