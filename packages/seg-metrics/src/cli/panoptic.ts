/** COCO panoptic JSON with PNGs beside it. */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { FormatError } from '@tfkit/core';
import { panopticIds } from '../io/labelMaps';
import { decodePng } from '../io/png';
import { type PanopticCategory, PanopticQuality, type PanopticSegment } from '../panoptic/panopticQuality';
import { fileError } from './fileError';
import type { Settings } from './options';

interface PanopticAnnotation {
  readonly image_id: number | string;
  readonly file_name: string;
  readonly segments_info: readonly PanopticSegment[];
}

interface PanopticJson {
  readonly categories?: readonly PanopticCategory[];
  readonly annotations: readonly PanopticAnnotation[];
}

/** The two annotations of an image. */
export interface PanopticPair {
  readonly prediction: PanopticAnnotation;
  readonly target: PanopticAnnotation;
}

/** What one image's evaluation needs; plain data, so that it goes to a worker. */
export interface PanopticSettings extends Pick<Settings, 'prediction' | 'target' | 'maxPixels'> {
  readonly categories: readonly PanopticCategory[];
}

/** The pairs of both files by image id, and one line for each annotation without its counterpart. */
export async function pairAnnotations(
  settings: Pick<Settings, 'prediction' | 'target'>,
): Promise<{ pairs: PanopticPair[]; categories: readonly PanopticCategory[]; problems: string[] }> {
  const target = await readPanoptic(settings.target);
  const prediction = await readPanoptic(settings.prediction);
  const { categories } = target;
  if (!categories) throw new FormatError(`${settings.target}: no categories`);
  const problems: string[] = [];
  const unused = new Map(prediction.annotations.map((annotation) => [annotation.image_id, annotation]));
  const pairs = target.annotations.flatMap((annotation): PanopticPair[] => {
    const match = unused.get(annotation.image_id);
    unused.delete(annotation.image_id);
    if (match) return [{ prediction: match, target: annotation }];
    problems.push(`${settings.prediction}: no annotation of image ${annotation.image_id}`);
    return [];
  });
  for (const id of unused.keys()) problems.push(`${settings.target}: no annotation of image ${id}`);
  if (target.annotations.length === 0) problems.push(`${settings.target}: no annotations`);
  return { pairs, categories, problems };
}

/** The quality of one image as JSON; runs on the main thread or in a worker. Errors name the image. */
export async function evaluatePanopticImage(
  { prediction, target }: PanopticPair,
  settings: PanopticSettings,
): Promise<object> {
  try {
    const quality = new PanopticQuality({ categories: settings.categories }).update(
      (await loadIds(settings.prediction, prediction.file_name, settings.maxPixels)).ids,
      (await loadIds(settings.target, target.file_name, settings.maxPixels)).ids,
      { predictionSegments: prediction.segments_info, targetSegments: target.segments_info },
    );
    return quality.toJSON();
  } catch (error) {
    throw fileError(`image ${target.image_id}`, error);
  }
}

/** The images of least PQ, the worst first; those without any segment are none. */
export function worstPanoptic(
  images: readonly PanopticQuality[],
  count: number,
): { index: number; pq: number }[] {
  return images
    .map((image, index) => ({ index, pq: image.result().all.pq }))
    .filter(({ pq }) => !Number.isNaN(pq))
    .sort((a, b) => a.pq - b.pq)
    .slice(0, count);
}

/** The category of each pixel of both maps; void pixels are `ignored`. */
export async function loadCategoryMaps({ prediction, target }: PanopticPair, settings: PanopticSettings) {
  const ignored = -1;
  const mapOf = async (json: string, { file_name, segments_info }: PanopticAnnotation) => {
    const { ids, shape } = await loadIds(json, file_name, settings.maxPixels);
    const categories = new Map(segments_info.map(({ id, category_id }) => [id, category_id]));
    return { shape, data: Int32Array.from(ids, (id) => categories.get(id) ?? ignored) };
  };
  return {
    prediction: await mapOf(settings.prediction, prediction),
    target: await mapOf(settings.target, target),
    ignored,
  };
}

async function readPanoptic(file: string): Promise<PanopticJson> {
  let json: PanopticJson | null;
  try {
    json = JSON.parse(await readFile(file, 'utf8'));
  } catch (error) {
    throw fileError(file, error);
  }
  const annotations = json?.annotations;
  if (Array.isArray(annotations) && annotations.every((a) => a?.file_name && Array.isArray(a.segments_info)))
    return json!;
  throw new FormatError(`${file}: annotations must have file_name and segments_info`);
}

/** PNGs lie in the folder named as the JSON, or beside it. */
async function loadIds(json: string, name: string, maxPixels: number | undefined) {
  const folder = json.replace(/\.json$/, '');
  const file = [folder, dirname(json)].map((place) => join(place, name)).find(existsSync);
  if (!file) throw new FormatError(`${name} is neither in ${folder} nor beside ${json}`);
  try {
    const image = await decodePng(await readFile(file), { maxPixels });
    return { ids: panopticIds(image), shape: [image.height, image.width] };
  } catch (error) {
    throw fileError(file, error);
  }
}
