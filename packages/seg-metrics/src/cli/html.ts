/** Reports as one HTML file: no scripts, no links, images inside. */
import type { PanopticQuality } from '../panoptic/panopticQuality';
import { loadPair } from './evaluateImage';
import { overlay } from './overlay';
import type { Pair } from './pairs';
import { loadCategoryMaps, type PanopticPair, type PanopticSettings, worstPanoptic } from './panoptic';
import { panopticRows, panopticText } from './panopticReport';
import { perClassMetrics, type Report } from './report';
import { format, tableText } from './text';

const style = `body{font:15px/1.45 system-ui,sans-serif;margin:2rem auto;max-width:72rem;padding:0 1rem;color:#1b1f24}
table{border-collapse:collapse}td,th{padding:.2rem .55rem;text-align:right}td:first-child,th:first-child{text-align:left}
thead th{border-bottom:1px solid #999}.bar{background:#e8edf2;width:16rem;height:.8rem}.bar i{display:block;height:100%;background:#2b6cb0}
.matrix td{min-width:2.6rem;font-size:12px}figure{display:inline-block;margin:.4rem}figure img{display:block;image-rendering:pixelated;width:20rem}
figcaption{font-size:13px;color:#555}pre{background:#f5f7f9;padding:.8rem;overflow:auto}.wide{overflow-x:auto}`;

/** Of label maps; reads the worst images again for their overlays, where `pairs` has their files. */
export async function htmlReport(report: Report, pairs: readonly Pair[]): Promise<string> {
  const { overall, settings, matrix } = report;
  const byName = new Map(pairs.map((pair) => [pair.name, pair]));
  const figures: string[] = [];
  for (const { name, value } of report.worst) {
    const pair = byName.get(name);
    if (!pair) continue;
    const { prediction, target } = await loadPair(pair, settings);
    figures.push(
      figure(`${name}: IoU ${format(value)}`, await overlay(prediction, target, settings.ignoreIndex)),
    );
  }
  return page(`seg-metrics: mIoU ${format(overall.miou!)}`, [
    '<h1>Segmentation scores</h1>',
    `<p>${escapeHtml(settings.prediction)} against ${escapeHtml(settings.target)}: ${matrix.numImages} images, policy ${settings.policy}.</p>`,
    overallTable(overall),
    `<h2>Classes</h2>${classTable(report)}`,
    '<h2>Confusion matrix</h2><p>Rows are targets, each normalised to 100; columns predictions.</p>',
    matrixTable(report),
    worstSection(figures),
    `<h2>All numbers</h2><pre>${escapeHtml(tableText(report))}</pre>`,
  ]);
}

/** Of panoptic segments; `pairs` are those of `images`, which the worst are looked for in. */
export async function panopticHtml(
  quality: PanopticQuality,
  images: readonly PanopticQuality[],
  pairs: readonly PanopticPair[],
  settings: PanopticSettings,
): Promise<string> {
  const figures: string[] = [];
  for (const { index, pq } of worstPanoptic(images, 8)) {
    const { prediction, target, ignored } = await loadCategoryMaps(pairs[index]!, settings);
    const caption = `image ${pairs[index]!.target.image_id}: PQ ${format(pq)}`;
    figures.push(figure(caption, await overlay(prediction, target, ignored)));
  }
  const heads = ['PQ', 'SQ', 'RQ', 'tp', 'fp', 'fn'];
  const rows = panopticRows(quality).map(({ name, pq, sq, rq, tp, fp, fn }) => [
    escapeHtml(name),
    bar(pq),
    ...[pq, sq, rq].map(format),
    ...[tp, fp, fn].map((count) => String(count ?? '')),
  ]);
  return page(`seg-metrics: PQ ${format(quality.result().all.pq)}`, [
    '<h1>Panoptic quality</h1>',
    `<p>${escapeHtml(settings.prediction)} against ${escapeHtml(settings.target)}: ${quality.result().images} images, panopticapi's rules.</p>`,
    htmlTable(['category', '', ...heads], rows),
    worstSection(figures),
    `<h2>All numbers</h2><pre>${escapeHtml(panopticText(quality))}</pre>`,
  ]);
}

const escapeHtml = (text: string) =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');

const page = (title: string, parts: readonly string[]) =>
  `<!doctype html><html lang="en"><meta charset="utf-8"><title>${title}</title>
<style>${style}</style>${parts.join('\n')}</html>\n`;

const bar = (share: number) =>
  `<div class="bar"><i style="width:${Math.round(100 * (share || 0))}%"></i></div>`;

const figure = (caption: string, png: string) =>
  `<figure><img alt="${escapeHtml(caption)}" src="data:image/png;base64,${png}"><figcaption>${escapeHtml(caption)}</figcaption></figure>`;

const worstSection = (figures: readonly string[]) =>
  figures.length === 0
    ? ''
    : `<h2>Worst images</h2><p>Prediction, target, and errors (red: wrong, gray: right, white: ignored).</p>${figures.join('')}`;

/** Cells are HTML already. */
const htmlTable = (heads: readonly string[], rows: readonly (readonly string[])[]) =>
  `<table><thead><tr>${heads.map((head) => `<th>${head}</th>`).join('')}</tr></thead>${rows
    .map((row) => `<tr>${row.map((cell) => `<td>${cell}</td>`).join('')}</tr>`)
    .join('')}</table>`;

const overallNames: Record<string, string> = {
  ...{ pa: 'pixel accuracy', miou: 'mIoU', mpa: 'mean class accuracy', fwiou: 'FWIoU' },
  ...{ mdice: 'mean Dice', kappa: 'kappa', mcc: 'MCC' },
};

const overallTable = (overall: Report['overall']) =>
  `<table>${Object.entries(overall)
    .map(([key, value]) => `<tr><td>${overallNames[key]}</td><td>${format(value)}</td></tr>`)
    .join('')}</table>`;

function classTable({ scores }: Report): string {
  const rows = scores.iou.classNames.map((name, i) => [
    escapeHtml(name),
    bar(scores.iou.perClass[i]!),
    ...perClassMetrics.map((metric) => format(scores[metric].perClass[i]!)),
  ]);
  return htmlTable(['class', '', ...perClassMetrics], rows);
}

function matrixTable({ matrix }: Report): string {
  const n = matrix.numClasses;
  const counts = matrix.counts;
  const missed = matrix.invalidPredictions;
  const rows = Array.from({ length: n }, (_, t) => {
    const row = [...counts.subarray(t * n, (t + 1) * n), missed[t]!];
    const total = row.reduce((a, b) => a + b, 0);
    const cells = row.map((pixels) => {
      const share = total ? pixels / total : 0;
      const color = `background:rgba(43,108,176,${share.toFixed(3)});color:${share > 0.55 ? '#fff' : 'inherit'}`;
      return `<td style="${color}" title="${pixels} pixels">${pixels ? (100 * share).toFixed(1) : ''}</td>`;
    });
    return `<tr><th>${escapeHtml(matrix.classNames[t]!)}</th>${cells.join('')}</tr>`;
  });
  const heads = [...matrix.classNames, 'no class'].map((name) => `<th>${escapeHtml(name)}</th>`).join('');
  return `<div class="wide"><table class="matrix"><tr><th></th>${heads}</tr>${rows.join('')}</table></div>`;
}
