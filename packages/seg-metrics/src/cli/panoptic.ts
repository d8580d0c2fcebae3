/** COCO panoptic JSON with PNGs beside it. */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { FormatError } from '@tfkit/core';
import { panopticIds } from '../io/labelMaps';
import { decodePng } from '../io/png';
import { type PanopticCategory, PanopticQuality, type PanopticSegment } from '../panoptic/panopticQuality';
import type { Settings } from './options';

interface PanopticJson {
  readonly categories?: readonly PanopticCategory[];
  readonly annotations: readonly {
    readonly image_id: number | string;
    readonly file_name: string;
    readonly segments_info: readonly PanopticSegment[];
  }[];
}

export interface PanopticEvaluation {
  readonly quality: PanopticQuality;
  readonly problems: readonly string[];
}

export async function evaluatePanoptic(
  settings: Settings,
  progress: (done: number, all: number) => void,
): Promise<PanopticEvaluation> {
  const target = await readPanoptic(settings.target);
  const prediction = await readPanoptic(settings.prediction);
  if (!target.categories) throw new FormatError(`${settings.target}: no categories`);
  const quality = new PanopticQuality({ categories: target.categories });
  const problems: string[] = [];
  const byImage = new Map(prediction.annotations.map((annotation) => [annotation.image_id, annotation]));
  let done = 0;
  for (const annotation of target.annotations) {
    const match = byImage.get(annotation.image_id);
    try {
      if (!match)
        throw new FormatError(`${settings.prediction}: no annotation of image ${annotation.image_id}`);
      quality.update(
        await ids(settings.prediction, match.file_name, settings.maxPixels),
        await ids(settings.target, annotation.file_name, settings.maxPixels),
        { predictionSegments: match.segments_info, targetSegments: annotation.segments_info },
      );
    } catch (error) {
      problems.push(`image ${annotation.image_id}: ${(error as Error).message}`);
    }
    progress(++done, target.annotations.length);
  }
  const known = new Set(target.annotations.map(({ image_id }) => image_id));
  for (const { image_id } of prediction.annotations) {
    if (!known.has(image_id)) problems.push(`${settings.target}: no annotation of image ${image_id}`);
  }
  return { quality, problems };
}

async function readPanoptic(file: string): Promise<PanopticJson> {
  let json: PanopticJson;
  try {
    json = JSON.parse(await readFile(file, 'utf8'));
  } catch (error) {
    throw new FormatError(`${file}: ${(error as Error).message}`);
  }
  const { annotations } = json;
  if (Array.isArray(annotations) && annotations.every((a) => a?.file_name && Array.isArray(a.segments_info)))
    return json;
  throw new FormatError(`${file}: annotations must have file_name and segments_info`);
}

/** PNGs lie in the folder named as the JSON, or beside it. */
async function ids(json: string, name: string, maxPixels: number | undefined): Promise<Uint32Array> {
  const file = [json.replace(/\.json$/, ''), dirname(json)]
    .map((folder) => join(folder, name))
    .find(existsSync);
  if (!file) throw new FormatError(`${name} is neither in ${json.replace(/\.json$/, '')} nor beside ${json}`);
  try {
    return panopticIds(await decodePng(await readFile(file), { maxPixels }));
  } catch (error) {
    throw new FormatError(`${file}: ${(error as Error).message}`);
  }
}

export function panopticText(quality: PanopticQuality): string {
  const { perCategory, all, things, stuff, images } = quality.result();
  const names = new Map(quality.categories.map(({ id, name }) => [id, name ?? String(id)]));
  const percent = (value: number) => (Number.isNaN(value) ? 'n/a' : (100 * value).toFixed(2)).padStart(7);
  const line = (name: string, row: { pq: number; sq: number; rq: number }, rest: string) =>
    `${name.padEnd(20)}${percent(row.pq)}${percent(row.sq)}${percent(row.rq)}  ${rest}`;
  return [
    `${'category'.padEnd(20)}     PQ     SQ     RQ  tp/fp/fn`,
    ...[...perCategory].map(([id, row]) => line(names.get(id)!, row, `${row.tp}/${row.fp}/${row.fn}`)),
    ...Object.entries({ all, things, stuff }).map(([name, mean]) =>
      line(name, mean, `${mean.categories} categories`),
    ),
    `${images} images; panopticapi's rules; in percent`,
    '',
  ].join('\n');
}
