/** Where bins begin and end: integer arithmetic alone, since a float product may push a ceiling one cell too far. */
import { checkInteger, formatValue, OptionError } from '@tfkit/core';

/** Cells [start, end) along one axis. */
export interface Bin {
  readonly start: number;
  readonly end: number;
}

/**
 * The cells of each of `bins` adaptive bins over an axis of `size` cells: bin i covers [floor(i size / bins),
 * ceil((i + 1) size / bins)). Bins overlap where `bins` does not divide `size`, and repeat cells where bins > size.
 *
 * @param size cells, an integer >= 1.
 * @param bins an integer >= 1.
 * @throws OptionError if either is no integer >= 1.
 *
 * @example
 * adaptiveBins(7, 3); // [{start: 0, end: 3}, {start: 2, end: 5}, {start: 4, end: 7}]
 *
 * Source: He et al., Spatial Pyramid Pooling, ECCV 2014 (arXiv:1406.4729), appendix A; the rule of PyTorch's adaptive pools.
 */
export function adaptiveBins(size: number, bins: number): Bin[] {
  checkInteger(['adaptiveBins', 'size'], size, { min: 1 });
  checkInteger(['adaptiveBins', 'bins'], bins, { min: 1 });
  return Array.from({ length: bins }, (_, i) => binOf(i, size, bins));
}

/** Bin i of n over `length` cells; also of a region that is longer than the map. */
export const binOf = (i: number, length: number, n: number): Bin => ({
  start: Math.floor((i * length) / n),
  end: Math.floor(((i + 1) * length + n - 1) / n),
});

/** A level of a pyramid: bins along every axis alike, or one number an axis. */
export type PyramidLevel = number | readonly number[];

/** Bins along depth, rows and columns. */
export type Bins3 = readonly [depth: number, rows: number, columns: number];

/** Bins of a map of `dims` spatial axes, with 1 for the axes that it lacks. */
export function binsOf(functionName: string, argument: string, bins: PyramidLevel, dims: number): Bins3 {
  const list = typeof bins === 'number' ? new Array<number>(dims).fill(bins) : bins;
  if (!Array.isArray(list) || list.length !== dims) {
    throw new OptionError(
      `${functionName}: ${argument} must be an integer or ${dims} of them, got ${formatValue(bins)}.`,
    );
  }
  for (const n of list) checkInteger([functionName, argument], n, { min: 1 });
  return [...new Array<number>(3 - dims).fill(1), ...list] as unknown as Bins3;
}

export function levelsOf(functionName: string, levels: readonly PyramidLevel[], dims: number): Bins3[] {
  if (!Array.isArray(levels) || levels.length === 0) {
    throw new OptionError(
      `${functionName}: levels must be a list of at least one level, got ${formatValue(levels)}.`,
    );
  }
  return levels.map((level, i) => binsOf(functionName, `levels[${i}]`, level, dims));
}

export const binCount = ([depth, rows, columns]: Bins3): number => depth * rows * columns;

/**
 * The length of a pyramid's vector: channels times the number of bins of all levels, whatever the size of the map.
 *
 * @param channels an integer >= 1.
 * @param levels as of `spatialPyramidPool`: [1, 2, 4] gives 21 bins in two dimensions.
 * @param dims spatial axes of the map: 1, 2 or 3. Default 2.
 * @throws OptionError if a number is no integer >= 1.
 */
export function sppLength(channels: number, levels: readonly PyramidLevel[], dims: 1 | 2 | 3 = 2): number {
  checkInteger(['sppLength', 'channels'], channels, { min: 1 });
  checkInteger(['sppLength', 'dims'], dims, { min: 1, max: 3 });
  return channels * levelsOf('sppLength', levels, dims).reduce((sum, level) => sum + binCount(level), 0);
}

/** How a level is computed: of the map's cells, or of the bins of a finer level (`source`) that nest in its own. */
export interface PlannedLevel {
  readonly level: number;
  readonly bins: Bins3;
  /** First bin of the level in the pyramid. */
  readonly offset: number;
  readonly source: number | undefined;
}

/**
 * An order in which every level comes after its source. The bins of n nest exactly in those of a multiple of n, whatever
 * the size of the map: floor(i a / n) is the start of finer bin i k, and ceil((i + 1) a / n) the end of finer bin (i + 1) k - 1.
 */
export function planLevels(levels: readonly Bins3[]): PlannedLevel[] {
  let next = 0;
  const offsets = levels.map((level) => {
    next += binCount(level);
    return next - binCount(level);
  });
  const order = levels.map((_, i) => i).sort((a, b) => binCount(levels[b]!) - binCount(levels[a]!));
  return order.map((index, position) => {
    const nests = (finer: number) => levels[finer]!.every((n, axis) => n % levels[index]![axis]! === 0);
    // The coarsest of the finer ones is the least work.
    const source = order.slice(0, position).reverse().find(nests);
    return { level: index, bins: levels[index]!, offset: offsets[index]!, source };
  });
}

/** For every planned level that has a source, the source's bins in each of its bins, as rows of the pyramid. */
export function finerBins(plan: readonly PlannedLevel[]): (readonly number[][] | undefined)[] {
  return plan.map(({ bins: [depth, rows, columns], source: id }) => {
    const source = plan.find(({ level }) => level === id);
    if (!source) return undefined;
    const [fd, fh, fw] = [source.bins[0] / depth, source.bins[1] / rows, source.bins[2] / columns];
    return Array.from({ length: depth * rows * columns }, (_, bin) => {
      const [d0, h0, w0] = [
        Math.floor(bin / (rows * columns)),
        Math.floor(bin / columns) % rows,
        bin % columns,
      ];
      return Array.from({ length: fd * fh * fw }, (_, i) => {
        const [d, h, w] = [Math.floor(i / (fh * fw)), Math.floor(i / fw) % fh, i % fw];
        const line = (d0 * fd + d) * source.bins[1] + h0 * fh + h;
        return source.offset + line * source.bins[2] + w0 * fw + w;
      });
    });
  });
}
