/** The report as one HTML file: no scripts, no links, images inside. */
import { encodePng } from '../io/encodePng';
import type { LabelMap } from '../io/labelMaps';
import { loadPair } from './evaluateImage';
import type { Pair } from './pairs';
import { perClassMetrics, type Report } from './report';
import { format, tableText } from './text';

const escapeHtml = (text: string) =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');

const style = `body{font:15px/1.45 system-ui,sans-serif;margin:2rem auto;max-width:72rem;padding:0 1rem;color:#1b1f24}
table{border-collapse:collapse}td,th{padding:.2rem .55rem;text-align:right}td:first-child,th:first-child{text-align:left}
thead th{border-bottom:1px solid #999}.bar{background:#e8edf2;width:16rem;height:.8rem}.bar i{display:block;height:100%;background:#2b6cb0}
.matrix td{min-width:2.6rem;font-size:12px}figure{display:inline-block;margin:.4rem}figure img{display:block;image-rendering:pixelated;width:20rem}
figcaption{font-size:13px;color:#555}pre{background:#f5f7f9;padding:.8rem;overflow:auto}.wide{overflow-x:auto}`;

/** The HTML text; reads the worst images again for their overlays. */
export async function htmlReport(report: Report, pairs: readonly Pair[]): Promise<string> {
  const { overall, settings, matrix } = report;
  const cards = Object.entries(overall)
    .map(([name, value]) => `<tr><td>${name}</td><td>${format(value)}</td></tr>`)
    .join('');
  return `<!doctype html><html lang="en"><meta charset="utf-8"><title>seg-metrics: mIoU ${format(overall.miou!)}</title>
<style>${style}</style><h1>Segmentation scores</h1>
<p>${escapeHtml(settings.prediction)} against ${escapeHtml(settings.target)}: ${matrix.numImages} images, policy ${settings.policy}.</p>
<table>${cards}</table><h2>Classes</h2>${classTable(report)}
<h2>Confusion matrix</h2><p>Rows are targets, each normalised to 100; columns predictions.</p>${matrixTable(report)}
<h2>Worst images</h2><p>Prediction, target, and errors (red: wrong, gray: right, white: ignored).</p>${await worst(report, pairs)}
<h2>All numbers</h2><pre>${escapeHtml(tableText(report))}</pre></html>\n`;
}

function classTable({ scores }: Report): string {
  const rows = scores.iou.classNames.map((name, i) => {
    const width = Math.round(100 * (scores.iou.perClass[i]! || 0));
    const cells = perClassMetrics.map((metric) => `<td>${format(scores[metric].perClass[i]!)}</td>`).join('');
    return `<tr><td>${escapeHtml(name)}</td><td><div class="bar"><i style="width:${width}%"></i></div></td>${cells}</tr>`;
  });
  const heads = perClassMetrics.map((metric) => `<th>${metric}</th>`).join('');
  return `<table><thead><tr><th>class</th><th></th>${heads}</tr></thead>${rows.join('')}</table>`;
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

async function worst(report: Report, pairs: readonly Pair[]): Promise<string> {
  const byName = new Map(pairs.map((pair) => [pair.name, pair]));
  const figures: string[] = [];
  for (const { name, value } of report.worst) {
    const pair = byName.get(name);
    if (!pair) continue;
    const { prediction, target } = await loadPair(pair, report.settings);
    const image = await overlay(prediction, target, report);
    const caption = `${escapeHtml(name)}: IoU ${format(value)}`;
    figures.push(
      `<figure><img alt="${caption}" src="data:image/png;base64,${image}"><figcaption>${caption}</figcaption></figure>`,
    );
  }
  return figures.join('');
}

/** Prediction, target and errors side by side; of a volume the plane with most errors; at most 256 pixels high. */
async function overlay(prediction: LabelMap, target: LabelMap, { settings }: Report): Promise<string> {
  const [rows, columns] = target.shape.slice(-2) as [number, number];
  const offset = worstPlane(prediction, target, rows * columns, settings.ignoreIndex) * rows * columns;
  const step = Math.max(1, Math.ceil(Math.max(rows, columns) / 256));
  const [height, width] = [Math.ceil(rows / step), Math.ceil(columns / step)];
  const data = new Uint8Array(height * width * 9);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const i = offset + y * step * columns + x * step;
      const [p, t] = [prediction.data[i]!, target.data[i]!];
      const ignored = t === settings.ignoreIndex;
      const panels = [
        colorOf(p),
        ignored ? [255, 255, 255] : colorOf(t),
        ignored ? [255, 255, 255] : p === t ? [120, 120, 120] : [220, 40, 40],
      ];
      panels.forEach((rgb, panel) => {
        data.set(rgb, 3 * (y * 3 * width + panel * width + x));
      });
    }
  }
  const png = await encodePng({ width: 3 * width, height, data });
  return Buffer.from(png).toString('base64');
}

function worstPlane(
  prediction: LabelMap,
  target: LabelMap,
  size: number,
  ignoreIndex: number | undefined,
): number {
  let [worstAt, most] = [0, -1];
  for (let plane = 0; plane < target.data.length / size; plane++) {
    let wrong = 0;
    for (let i = plane * size; i < (plane + 1) * size; i++) {
      if (target.data[i] !== prediction.data[i] && target.data[i] !== ignoreIndex) wrong++;
    }
    if (wrong > most) [worstAt, most] = [plane, wrong];
  }
  return worstAt;
}

/** The colour map of PASCAL VOC: bits of the label spread over the channels. */
export function colorOf(label: number): [number, number, number] {
  const rgb: [number, number, number] = [0, 0, 0];
  for (let bit = 7, c = label & 255; bit >= 0; bit--, c >>= 3) {
    for (let k = 0; k < 3; k++) rgb[k]! |= ((c >> k) & 1) << bit;
  }
  return rgb;
}
