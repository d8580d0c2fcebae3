/** Scores a pair of masks by every definition of @tfkit/seg-metrics that two masks allow. */
import * as tf from '@tensorflow/tfjs-core';
import {
  averageSurfaceDistance,
  boundaryF1,
  boundaryIou,
  ConfusionMatrix,
  classMasks,
  cohensKappa,
  dice,
  frequencyWeightedIou,
  generalizedDice,
  hausdorffDistance,
  iou,
  matthewsCorrelation,
  meanIou,
  meanPixelAccuracy,
  normalizedSurfaceDistance,
  pixelAccuracy,
  presetNames,
  presetScores,
  score,
  surfaceDistances,
} from '@tfkit/seg-metrics';
import { updateFromTensors } from '@tfkit/seg-metrics/tfjs';
import type { TaskContext } from '../../worker/protocol';
import { exampleMasks } from './examples';
import { type MaskPair, pairMasks, readMasks } from './masks';

export interface MaskInput {
  /** The files' bytes; undefined is the example. */
  readonly files: { readonly prediction: Uint8Array; readonly target: Uint8Array } | undefined;
  /** A label of the target, or nothing. */
  readonly ignore: string;
  readonly tolerance: number;
  readonly spacing: number;
}

export interface ClassRow {
  readonly name: string;
  readonly iou: number;
  readonly dice: number;
  readonly precision: number;
  readonly recall: number;
  readonly hd95: number;
  readonly assd: number;
  readonly nsd: number;
  readonly boundaryIou: number;
  readonly boundaryF1: number;
}

export interface MaskResult {
  readonly masks: MaskPair;
  readonly overall: Readonly<Record<string, number>>;
  readonly classes: readonly ClassRow[];
  /** The numbers of other programs, by program and name. */
  readonly presets: readonly { readonly preset: string; readonly name: string; readonly value: number }[];
}

export async function runMask(input: MaskInput, { progress }: TaskContext<never>): Promise<MaskResult> {
  await progress(0.05, 'reading the masks');
  const masks = await masksOf(input);
  const { prediction, target, classNames, ignoreIndex } = masks;
  const matrix = new ConfusionMatrix({
    numClasses: classNames.length,
    classNames,
    ignoreIndex,
    keepImages: true,
  });
  const tensors = [tf.tensor1d(prediction, 'int32'), tf.tensor1d(target, 'int32')] as const;
  try {
    await progress(0.2, 'counting on the backend');
    await updateFromTensors(matrix, ...tensors);
  } finally {
    tf.dispose([...tensors]);
  }
  const classes: ClassRow[] = [];
  const perClass = [iou(matrix), dice(matrix), score(matrix, 'precision'), score(matrix, 'recall')];
  for (const [label, name] of classNames.entries()) {
    if (label === ignoreIndex) continue;
    await progress(0.3 + (0.6 * label) / classNames.length, `surfaces of class ${name}`);
    const [iouValue, diceValue, precision, recall] = perClass.map((values) => values.perClass[label]!);
    const pixels = { iou: iouValue!, dice: diceValue!, precision: precision!, recall: recall! };
    classes.push({ name, ...pixels, ...surfaces(masks, label, input) });
  }
  return { masks, overall: overall(matrix), classes, presets: presets(matrix) };
}

async function masksOf({ files, ignore }: MaskInput): Promise<MaskPair> {
  if (files) {
    const [prediction, target, colors] = await readMasks(files.prediction, files.target);
    return pairMasks(prediction, target, ignore, colors);
  }
  const { prediction, target, width, height } = exampleMasks();
  const shape = [height, width];
  return pairMasks({ data: prediction, shape }, { data: target, shape }, ignore);
}

function surfaces(
  { prediction, target, height, width, ignoreIndex }: MaskPair,
  label: number,
  { spacing, tolerance }: MaskInput,
) {
  const masks = classMasks(prediction, target, label, ignoreIndex);
  const shape = [height, width] as const;
  const distances = surfaceDistances(masks.prediction, masks.target, { shape, spacing: [spacing, spacing] });
  return {
    hd95: hausdorffDistance(distances, { percentile: 95 }),
    assd: averageSurfaceDistance(distances),
    nsd: normalizedSurfaceDistance(distances, tolerance),
    boundaryIou: boundaryIou(masks.prediction, masks.target, { shape }).boundaryIou,
    boundaryF1: boundaryF1(masks.prediction, masks.target, { shape }).f1,
  };
}

function overall(matrix: ConfusionMatrix): Record<string, number> {
  return {
    'mean IoU': meanIou(matrix).value,
    'mean Dice': dice(matrix).value,
    'pixel accuracy': pixelAccuracy(matrix),
    'mean pixel accuracy': meanPixelAccuracy(matrix).value,
    'frequency weighted IoU': frequencyWeightedIou(matrix).value,
    'generalized Dice': generalizedDice(matrix),
    'Cohen’s kappa': cohensKappa(matrix),
    'Matthews correlation': matthewsCorrelation(matrix),
  };
}

function presets(matrix: ConfusionMatrix): MaskResult['presets'] {
  return presetNames.flatMap((preset) =>
    Object.entries(presetScores(matrix, preset)).flatMap(([name, value]) =>
      typeof value === 'number' ? [{ preset, name, value }] : [],
    ),
  );
}
