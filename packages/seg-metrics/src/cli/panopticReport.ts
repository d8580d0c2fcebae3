/** Panoptic quality as a table for people, CSV and JSON. */
import type { PanopticQuality } from '../panoptic/panopticQuality';
import { csv } from './text';

/** A category, or a mean over categories, which has no counts. */
export interface PanopticRow {
  readonly name: string;
  readonly pq: number;
  readonly sq: number;
  readonly rq: number;
  readonly tp?: number;
  readonly fp?: number;
  readonly fn?: number;
  /** Of a mean: how many categories are in it. */
  readonly categories?: number;
}

/** The categories, then the means over all, things and stuff. A category without any segment has NaN. */
export function panopticRows(quality: PanopticQuality): PanopticRow[] {
  const { perCategory, all, things, stuff } = quality.result();
  const categories = quality.categories.map(({ id, name }) => {
    const row = perCategory.get(id)!;
    const absent = row.tp + row.fp + row.fn === 0;
    return { name: name ?? String(id), ...row, ...(absent && { pq: NaN, sq: NaN, rq: NaN }) };
  });
  return [
    ...categories,
    ...Object.entries({ all, things, stuff }).map(([name, mean]) => ({ name, ...mean })),
  ];
}

export function panopticText(quality: PanopticQuality): string {
  const percent = (value: number) => (Number.isNaN(value) ? 'n/a' : (100 * value).toFixed(2)).padStart(7);
  const rows = panopticRows(quality);
  const width = Math.max(20, ...rows.map(({ name }) => name.length + 1));
  return [
    `${'category'.padEnd(width)}     PQ     SQ     RQ  tp/fp/fn`,
    ...rows.map(({ name, pq, sq, rq, tp, fp, fn, categories }) => {
      const rest = categories === undefined ? `${tp}/${fp}/${fn}` : `${categories} categories`;
      return `${name.padEnd(width)}${[pq, sq, rq].map(percent).join('')}  ${rest}`;
    }),
    `${quality.result().images} images; panopticapi's rules; in percent`,
    '',
  ].join('\n');
}

/** One row a category, then the means; shares in [0, 1]. */
export const panopticCsv = (quality: PanopticQuality): string =>
  csv([
    ['category', 'pq', 'sq', 'rq', 'tp', 'fp', 'fn'],
    ...panopticRows(quality).map(({ name, pq, sq, rq, tp, fp, fn }) => [
      name,
      ...[pq, sq, rq, tp, fp, fn].map((value) => String(value ?? '')),
    ]),
  ]);

/** Results and the state that `merge` adds. */
export function panopticJson(quality: PanopticQuality): string {
  const { perCategory, ...means } = quality.result();
  const report = { format: 'seg-metrics-panoptic-report', version: 1, ...means };
  return JSON.stringify({ ...report, perCategory: Object.fromEntries(perCategory), state: quality }, null, 1);
}
