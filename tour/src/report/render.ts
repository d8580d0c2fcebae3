/** Blocks to HTML: pictures become inline PNG, plots inline SVG. */
import * as Plot from '@observablehq/plot';
import { encode } from 'fast-png';
import { parseHTML } from 'linkedom';
import type { Block, ImageOptions, LegendEntry, Picture, Plot as PlotBlock, TableOptions } from './blocks';
import { type Html, html, prose, trusted } from './html';

export function renderBlock(block: Block): Html {
  switch (block.kind) {
    case 'text':
      return html`<p>${prose(block.text)}</p>`;
    case 'scores':
      return html`<dl class="scores">${block.scores.map(
        ({ label, value, note }) =>
          html`<div><dt>${label}</dt><dd>${value}</dd>${note && html`<dd class="note">${prose(note)}</dd>`}</div>`,
      )}</dl>`;
    case 'images':
      return renderImages(block);
    case 'plots':
      return html`<div class="plots">${block.plots.map(renderPlot)}</div>`;
    case 'table':
      return renderTable(block);
  }
}

function renderImages({ items, labels, legend, caption }: ImageOptions): Html {
  const most = Math.max(...items.map(({ pictures }) => pictures.length));
  return html`<figure class="images">${legend && renderLegend(legend)}<div class="cards" style="--card:${cardWidth(most)}rem">${items.map(
    (item) =>
      html`<figure class="card"><div class="pictures">${item.pictures.map(
        (picture, index) =>
          html`<div>${renderPicture(picture, [item.caption, labels[index]].filter(Boolean).join(', '))}${
            // A picture alone is named by its caption.
            item.pictures.length === 1 && item.caption ? null : html`<span>${labels[index]}</span>`
          }</div>`,
      )}</div>${item.caption && html`<figcaption>${prose(item.caption)}</figcaption>`}</figure>`,
  )}</div>${caption && html`<figcaption>${prose(caption)}</figcaption>`}</figure>`;
}

/** Width in rem below which a card with so many pictures is not squeezed. */
const cardWidth = (pictures: number) => Math.min(42, 4 + 5 * pictures);

function renderLegend(entries: readonly LegendEntry[]): Html {
  return html`<ul class="legend">${entries.map(
    ({ color, label }) => html`<li><i style="background:${color}"></i>${label}</li>`,
  )}</ul>`;
}

function renderPicture(picture: Picture, alternative: string): Html {
  const { width, height } = picture;
  return html`<img src="${pngUri(picture)}" width="${width}" height="${height}" alt="${alternative}">`;
}

/** The picture as a `data:image/png` address. */
export function pngUri({ data, width, height, channels }: Picture): string {
  if (data.length !== width * height * channels) {
    throw new Error(`pngUri: data must hold ${width} x ${height} x ${channels} bytes, got ${data.length}.`);
  }
  const png = encode({ data, width, height, channels });
  return `data:image/png;base64,${Buffer.from(png).toString('base64')}`;
}

function renderPlot({ title, options }: PlotBlock): Html {
  return html`<figure class="plot"><figcaption>${title}</figcaption>${trusted(plotSvg(options))}</figure>`;
}

/**
 * The plot as an `<svg>` element. Observable Plot draws into any DOM; linkedom is the small one. The SVG keeps
 * `currentColor` and CSS variables, so that it follows the page into dark mode.
 */
export function plotSvg(options: PlotBlock['options']): string {
  const { document } = parseHTML('<!doctype html><html><body></body></html>');
  return Plot.plot({
    width: 460,
    height: 300,
    marginTop: 32,
    marginLeft: 48,
    marginBottom: 44,
    style: { fontSize: '12px', background: 'transparent' },
    ...options,
    document,
  }).outerHTML;
}

function renderTable({ columns, rows, caption, collapsed = false }: TableOptions): Html {
  const all = columns.map((column) => (typeof column === 'string' ? { label: column } : column));
  const numeric = all.map((_, index) =>
    rows.every((row) => row[index] === null || typeof row[index] === 'number'),
  );
  const align = (index: number) => (numeric[index] ? 'number' : 'words');
  const body = html`<div class="scroll"><table><thead><tr>${all.map(
    ({ label }, index) => html`<th class="${align(index)}">${label}</th>`,
  )}</tr></thead><tbody>${rows.map(
    (row) =>
      html`<tr>${row.map(
        (cell, index) => html`<td class="${align(index)}">${cellText(cell, all[index]?.digits)}</td>`,
      )}</tr>`,
  )}</tbody></table></div>`;
  return collapsed
    ? html`<details><summary>${prose(caption ?? 'A table')} ${rows.length} rows.</summary>${body}</details>`
    : html`<figure class="table">${body}${caption && html`<figcaption>${prose(caption)}</figcaption>`}</figure>`;
}

function cellText(cell: string | number | null, digits?: number): string {
  if (cell === null) return '–';
  if (typeof cell === 'string') return cell;
  return cell.toFixed(digits ?? (Number.isInteger(cell) ? 0 : 3));
}
