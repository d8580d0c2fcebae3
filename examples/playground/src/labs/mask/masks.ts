/** From two files to two label maps with classes numbered from 0. */
import {
  type ColorPalette,
  decodePng,
  isPng,
  type LabelMap,
  labelsFromPng,
  type PngImage,
  readLabelMap,
} from '@tfkit/seg-metrics/io';

export interface MaskPair {
  /** Class numbers, [height, width] row-major. */
  readonly prediction: Int32Array;
  readonly target: Int32Array;
  readonly width: number;
  readonly height: number;
  /** What the classes are called in the files. */
  readonly classNames: readonly string[];
  /** The class that is ignored, if it occurs. */
  readonly ignoreIndex: number | undefined;
}

const mostClasses = 256;

/** Gray and palette PNGs, npy and NIfTI hold labels; of colour PNGs every colour of the pair is a label. */
export async function readMasks(
  prediction: Uint8Array,
  target: Uint8Array,
): Promise<[LabelMap, LabelMap, string[]?]> {
  if (!isPng(prediction) || !isPng(target))
    return [await readLabelMap(prediction), await readLabelMap(target)];
  const [first, second] = [await decodePng(prediction), await decodePng(target)];
  const colored = [first, second].filter(({ color }) => color.startsWith('rgb'));
  if (colored.length === 0) return [labelsFromPng(first), labelsFromPng(second)];
  if (colored.length === 1) throw new Error('both masks must hold labels, or both colours.');
  const colors = [...new Set(colored.flatMap(colorsOf))].sort();
  if (colors.length > mostClasses)
    throw new Error(
      `masks must have at most ${mostClasses} colours, got ${colors.length}: are they photographs?`,
    );
  const palette: ColorPalette = Object.fromEntries(colors.map((color, label) => [color, label]));
  return [labelsFromPng(first, palette), labelsFromPng(second, palette), colors];
}

function colorsOf({ data, channels }: PngImage): string[] {
  const found = new Set<string>();
  for (let i = 0; i < data.length && found.size <= mostClasses; i += channels)
    found.add(`${data[i]},${data[i + 1]},${data[i + 2]}`);
  return [...found];
}

/** Numbers the labels that occur in either mask from 0, in their order. */
export function pairMasks(
  prediction: LabelMap,
  target: LabelMap,
  ignore: string,
  colors?: readonly string[],
): MaskPair {
  if (prediction.shape.join() !== target.shape.join() || target.shape.length !== 2) {
    const shapes = `[${prediction.shape.join(', ')}] and [${target.shape.join(', ')}]`;
    throw new Error(`the masks must have the same height and width, got ${shapes}.`);
  }
  const labels = [...new Set([...new Set(prediction.data), ...new Set(target.data)])].sort((a, b) => a - b);
  if (labels.length > mostClasses)
    throw new Error(`masks must have at most ${mostClasses} labels, got ${labels.length}.`);
  const index = new Map(labels.map((label, i) => [label, i]));
  const ignoreIndex = ignore === '' ? undefined : index.get(Number(ignore));
  const numbered = (data: ArrayLike<number>) => Int32Array.from(data, (label) => index.get(label)!);
  return {
    prediction: numbered(prediction.data),
    target: numbered(target.data),
    height: target.shape[0]!,
    width: target.shape[1]!,
    classNames: labels.map((label) => colors?.[label] ?? String(label)),
    ignoreIndex,
  };
}
