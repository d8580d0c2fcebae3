/** One pair of files to its counts and distances; runs on the main thread or in a worker. */
import { readFile } from 'node:fs/promises';
import { FormatError, ShapeError, sameShape } from '@tfkit/core';
import { ConfusionMatrix } from '../counts/confusionMatrix';
import type { ConfusionMatrixJson } from '../counts/json';
import type { LabelMap } from '../io/labelMaps';
import { readLabelMap } from '../io/readLabelMap';
import { boundaryF1, boundaryIou, type MapShape } from '../surfaces/boundaries';
import { averageSurfaceDistance, hausdorffDistance, surfaceOverlap } from '../surfaces/measures';
import { classMasks, type SurfaceDistances, surfaceDistances } from '../surfaces/surfaceDistances';
import { fileError } from './fileError';
import type { DistanceMetricName, ImageSettings } from './options';
import type { Pair } from './pairs';

/** Distances of one class of one image. */
export interface ClassDistances {
  readonly label: number;
  readonly empty: SurfaceDistances['empty'];
  readonly diagonal: number;
  readonly values: Readonly<Partial<Record<DistanceMetricName, number>>>;
}

export interface ImageResult {
  readonly name: string;
  readonly matrix: ConfusionMatrixJson;
  readonly distances: readonly ClassDistances[];
  /** Of the distances. */
  readonly unit: string;
}

export async function evaluateImage(pair: Pair, settings: ImageSettings): Promise<ImageResult> {
  const { prediction, target } = await loadPair(pair, settings);
  const { numClasses, classNames, ignoreIndex } = settings;
  const outOfRange = pair.prediction === undefined ? 'count' : settings.outOfRange;
  const matrix = new ConfusionMatrix({ numClasses, classNames, ignoreIndex, outOfRange, keepImages: true });
  const unit = settings.spacing ? 'units of --spacing' : target.spacing ? (target.unit ?? 'px') : 'px';
  try {
    matrix.update(prediction.data, target.data, { names: [pair.name] });
    const distances = distancesOf(prediction, target, settings);
    return { name: pair.name, matrix: matrix.toJSON(), distances, unit };
  } catch (error) {
    const { message } = error as Error;
    throw fileError(message.startsWith('update: predictions') ? pair.prediction! : pair.target, error);
  }
}

/** Both maps, decoded, mapped and checked against each other. Errors name the file. */
export async function loadPair(
  pair: Pair,
  settings: ImageSettings,
): Promise<{ prediction: LabelMap; target: LabelMap }> {
  const target = mapLabels(await load(pair.target, settings), settings.targetMap, settings.ignoreIndex);
  if (settings.reduceZeroLabel) reduceZero(target.data, settings.ignoreIndex ?? 255);
  if (pair.prediction === undefined) {
    // A missing prediction is no class anywhere.
    return { prediction: { ...target, data: new Int32Array(target.data.length).fill(-1) }, target };
  }
  const prediction = mapLabels(await load(pair.prediction, settings), settings.predictionMap, -1);
  if (!sameShape(prediction.shape, target.shape)) {
    const [p, t] = [prediction.shape, target.shape].map((shape) => [...shape].reverse().join('x'));
    throw new ShapeError(`${pair.prediction}: size ${p} differs from ${t} of ${pair.target}`);
  }
  if (!settings.ignoreAffine && !sameAffine(prediction.affine, target.affine)) {
    throw new FormatError(
      `${pair.prediction}: its affine differs from that of ${pair.target}; resample it, or use --ignore-affine`,
    );
  }
  return { prediction, target };
}

async function load(file: string, { palette, maxPixels }: ImageSettings): Promise<LabelMap> {
  try {
    return await readLabelMap(await readFile(file), { palette, maxPixels });
  } catch (error) {
    throw fileError(file, error);
  }
}

function mapLabels(
  map: LabelMap,
  table: Readonly<Record<number, number>> | undefined,
  other: number | undefined,
): LabelMap {
  if (!table) return map;
  return { ...map, data: Int32Array.from(map.data, (label) => table[label] ?? other ?? -1) };
}

function reduceZero(data: LabelMap['data'], ignored: number): void {
  for (let i = 0; i < data.length; i++) {
    const label = data[i]!;
    if (label !== ignored) data[i] = label === 0 ? ignored : label - 1;
  }
}

function sameAffine(a: readonly number[] | undefined, b: readonly number[] | undefined): boolean {
  if (!a || !b) return true;
  const scale = Math.max(...b.map(Math.abs), 1);
  return a.every((value, i) => Math.abs(value - b[i]!) <= 1e-4 * scale);
}

function distancesOf(prediction: LabelMap, target: LabelMap, settings: ImageSettings): ClassDistances[] {
  const { distances, numClasses, ignoreIndex, includeBackground, tolerance } = settings;
  if (distances.length === 0) return [];
  const shape = target.shape;
  const spacing = settings.spacing ?? target.spacing;
  const results: ClassDistances[] = [];
  for (let label = includeBackground ? 0 : 1; label < numClasses; label++) {
    if (label === ignoreIndex) continue;
    const masks = classMasks(prediction.data, target.data, label, ignoreIndex);
    const surfaces = surfaceDistances(masks.prediction, masks.target, { shape, spacing });
    const flat = () => {
      if (shape.length !== 2) throw new ShapeError('boundary-iou and boundary-f1 need 2-D maps');
      return { shape: shape as unknown as MapShape };
    };
    const measure: Record<DistanceMetricName, () => number> = {
      hd: () => hausdorffDistance(surfaces),
      hd95: () => hausdorffDistance(surfaces, { percentile: 95 }),
      assd: () => averageSurfaceDistance(surfaces),
      nsd: () => surfaceOverlap(surfaces, tolerance).nsd,
      'boundary-iou': () => boundaryIou(masks.prediction, masks.target, flat()).boundaryIou,
      'boundary-f1': () => boundaryF1(masks.prediction, masks.target, flat()).f1,
    };
    const values = Object.fromEntries(distances.map((name) => [name, measure[name]()]));
    results.push({ label, empty: surfaces.empty, diagonal: surfaces.diagonal, values });
  }
  return results;
}
