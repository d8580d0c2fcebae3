import { checkInteger, checkNumber, checkOneOf, OptionError } from '@tfkit/core';
import { checkGrid, type Mask } from './surfaces/distanceTransform';

/** Which pixels touch: by faces (4 in 2-D, 6 in 3-D), or by corners too (8, 26). */
export type Connectivity = 'faces' | 'corners';

/**
 * Connected components of a mask: labels 1 .. count by first pixel in scan order, 0 outside. Int32Array of `shape`.
 *
 * @throws OptionError if an option or a number is out of its range; ShapeError if ranks or shapes disagree.
 */
export function connectedComponents(
  mask: Mask,
  options: { readonly shape: readonly number[]; readonly connectivity?: Connectivity },
): { readonly labels: Int32Array; readonly count: number } {
  const { shape, connectivity = 'corners' } = options;
  checkGrid('connectedComponents', mask.length, shape, undefined);
  checkOneOf(['connectedComponents', 'connectivity'], connectivity, ['faces', 'corners']);
  if (shape.length > 3) {
    throw new OptionError(`connectedComponents: shape must have at most 3 axes, got [${shape}].`);
  }
  const [planes, rows, columns] = [...Array(3 - shape.length).fill(1), ...shape] as [number, number, number];
  const neighbours = earlierNeighbours(connectivity);
  const parent = new Int32Array(mask.length);
  const find = (i: number) => {
    let root = i;
    while (parent[root] !== root) {
      parent[root] = parent[parent[root]!]!;
      root = parent[root]!;
    }
    return root;
  };
  for (let i = 0; i < mask.length; i++) {
    if (!mask[i]) continue;
    parent[i] = i;
    const x = i % columns;
    const y = Math.floor(i / columns) % rows;
    const z = Math.floor(i / (columns * rows));
    for (const [dz, dy, dx] of neighbours) {
      const inside =
        x + dx >= 0 && x + dx < columns && y + dy >= 0 && y + dy < rows && z + dz >= 0 && z + dz < planes;
      const j = i + (dz * rows + dy) * columns + dx;
      if (!inside || !mask[j]) continue;
      const [a, b] = [find(i), find(j)];
      parent[Math.max(a, b)] = Math.min(a, b);
    }
  }
  const labels = new Int32Array(mask.length);
  let count = 0;
  for (let i = 0; i < mask.length; i++) {
    if (!mask[i]) continue;
    const root = find(i);
    labels[i] = root === i ? ++count : labels[root]!;
  }
  return { labels, count };
}

/** Offsets of the neighbours that come before a pixel in scan order. */
function earlierNeighbours(connectivity: Connectivity): [number, number, number][] {
  const offsets: [number, number, number][] = [];
  for (let code = 0; code < 13; code++) {
    const offset: [number, number, number] = [
      Math.floor(code / 9) - 1,
      (Math.floor(code / 3) % 3) - 1,
      (code % 3) - 1,
    ];
    const faces = offset.filter((step) => step !== 0).length === 1;
    if (connectivity === 'corners' || faces) offsets.push(offset);
  }
  return offsets;
}

/** What a component is, and when it counts as found. */
export interface ComponentOptions {
  readonly shape: readonly number[];
  readonly connectivity?: Connectivity;
  /** A component of the target is found if its IoU with the predicted components that touch it is above this. Default 0. */
  readonly iouThreshold?: number;
  /** Components of fewer pixels are left out on both sides. Default 1. */
  readonly minPixels?: number;
  /** Upper bounds of the size strata in target pixels, ascending. Default [1024, 9216]: COCO's small and medium. */
  readonly sizeBounds?: readonly number[];
}

/** Components of a range of sizes, in pixels or voxels, and how many were found. */
export interface ComponentStratum {
  /** Target components with more than `above` and at most `upTo` pixels. */
  readonly above: number;
  readonly upTo: number;
  readonly components: number;
  readonly found: number;
  readonly meanDice: number;
}

/** Components found, missed and invented, and the scores from them. */
export interface ComponentScores {
  /** Target components found, not found, and predicted components that touch none. */
  readonly tp: number;
  readonly fn: number;
  readonly fp: number;
  readonly precision: number;
  readonly recall: number;
  readonly f1: number;
  /** Sum of the Dice of target components over tp + fn + fp: missed and invented components count 0 (BraTS 2023). */
  readonly lesionDice: number;
  readonly components: readonly { readonly pixels: number; readonly dice: number; readonly iou: number }[];
  readonly bySize: readonly ComponentStratum[];
}

/**
 * Scores of each connected component of the target (lesion-wise scores): every one is compared with the union of the
 * predicted components that touch it.
 *
 * @throws OptionError if an option or a number is out of its range; ShapeError if ranks or shapes disagree.
 *
 * Source: the lesion-wise metrics of BraTS 2023 (Saluja et al.), without their dilation of the target.
 */
export function componentScores(prediction: Mask, target: Mask, options: ComponentOptions): ComponentScores {
  const { iouThreshold = 0, minPixels = 1, sizeBounds = [1024, 9216] } = options;
  checkNumber(['componentScores', 'iouThreshold'], iouThreshold, { min: 0, max: 1, open: 'max' });
  checkInteger(['componentScores', 'minPixels'], minPixels, { min: 1 });
  checkGrid('componentScores', prediction.length, options.shape, undefined);
  const { shape, connectivity } = options;
  const t = connectedComponents(target, { shape, connectivity });
  const p = connectedComponents(prediction, { shape, connectivity });
  const targetPixels = new Float64Array(t.count + 1);
  const predictedPixels = new Float64Array(p.count + 1);
  const touches = new Map<number, Map<number, number>>();
  for (let i = 0; i < t.labels.length; i++) {
    const [a, b] = [t.labels[i]!, p.labels[i]!];
    targetPixels[a]!++;
    predictedPixels[b]!++;
    if (a === 0 || b === 0) continue;
    if (!touches.has(a)) touches.set(a, new Map());
    touches.get(a)!.set(b, (touches.get(a)!.get(b) ?? 0) + 1);
  }
  const used = new Set<number>();
  const components: { pixels: number; dice: number; iou: number }[] = [];
  for (let a = 1; a <= t.count; a++) {
    const pixels = targetPixels[a]!;
    if (pixels < minPixels) {
      for (const b of touches.get(a)?.keys() ?? []) used.add(b);
      continue;
    }
    let [intersection, predicted] = [0, 0];
    for (const [b, overlap] of touches.get(a) ?? []) {
      used.add(b);
      intersection += overlap;
      predicted += predictedPixels[b]!;
    }
    const iou = intersection / (pixels + predicted - intersection);
    components.push({ pixels, dice: (2 * intersection) / (pixels + predicted), iou });
  }
  const found = ({ iou }: { iou: number }) => iou > iouThreshold;
  const tp = components.filter(found).length;
  const fn = components.length - tp;
  let fp = 0;
  for (let b = 1; b <= p.count; b++) if (!used.has(b) && predictedPixels[b]! >= minPixels) fp++;
  const diceSum = components.filter(found).reduce((sum, { dice }) => sum + dice, 0);
  const edges = [0, ...sizeBounds, Infinity];
  return {
    ...{ tp, fn, fp },
    precision: tp / (tp + fp),
    recall: tp / (tp + fn),
    f1: (2 * tp) / (2 * tp + fp + fn),
    lesionDice: diceSum / (tp + fn + fp),
    components,
    bySize: edges.slice(1).map((upTo, i) => {
      const above = edges[i]!;
      const inside = components.filter(({ pixels }) => pixels > above && pixels <= upTo);
      const meanDice = inside.reduce((sum, { dice }) => sum + dice, 0) / inside.length;
      return { above, upTo, components: inside.length, found: inside.filter(found).length, meanDice };
    }),
  };
}
