/**
 * The building blocks of a stage's part of the report: paragraphs, headline scores, image grids, plots and tables.
 * They are plain data, so that a stage can be tested without HTML; `render.ts` turns them into it. All text is escaped there.
 */
import type { PlotOptions } from '@observablehq/plot';

/** 8-bit pixels, row-major: gray (1 channel), RGB (3) or RGBA (4). */
export interface Picture {
  readonly data: Uint8Array | Uint8ClampedArray;
  readonly width: number;
  readonly height: number;
  readonly channels: 1 | 3 | 4;
}

export interface LegendEntry {
  readonly color: string;
  readonly label: string;
}

export interface ImageOptions {
  /** Each item is one card: its pictures side by side and a caption below. */
  readonly items: readonly { readonly pictures: readonly Picture[]; readonly caption?: string }[];
  /** Names of an item's pictures, in order: input, truth, prediction. With the item's caption also their alternative text. */
  readonly labels: readonly string[];
  readonly legend?: readonly LegendEntry[];
  readonly caption?: string;
}

export interface TableColumn {
  readonly label: string;
  /** Digits after the point of numbers in this column. Default: integers as they are, others 3. */
  readonly digits?: number;
}

export interface TableOptions {
  readonly columns: readonly (string | TableColumn)[];
  /** Numbers are aligned right; null is a dash. */
  readonly rows: readonly (readonly (string | number | null)[])[];
  readonly caption?: string;
  /** For a table too long to read through: closed under its caption until the reader opens it. */
  readonly collapsed?: boolean;
}

export interface Score {
  readonly label: string;
  readonly value: string;
  /** What to compare it with: 'best constant 0.081'. */
  readonly note?: string;
}

export type Block =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'scores'; readonly scores: readonly Score[] }
  | ({ readonly kind: 'images' } & ImageOptions)
  | { readonly kind: 'plots'; readonly plots: readonly Plot[] }
  | ({ readonly kind: 'table' } & TableOptions);

export interface Plot {
  readonly title: string;
  /** Options of @observablehq/plot; marks come from the same package. Colours: `seriesColors`, which follow light and dark. */
  readonly options: PlotOptions;
}

/** CSS colours for series, readable on the light and the dark page. */
export const seriesColors = [1, 2, 3, 4, 5, 6, 7, 8, 9].map((index) => `var(--series-${index})`);

/** A paragraph. What stands between backticks is set as code, here as in captions and notes. */
export const text = (paragraph: string): Block => ({ kind: 'text', text: paragraph });

/** The few numbers that matter, large. */
export const scores = (...entries: readonly Score[]): Block => ({ kind: 'scores', scores: entries });

/** Cards of pictures. */
export const images = (options: ImageOptions): Block => ({ kind: 'images', ...options });

/** Plots side by side on a wide page, below each other on a phone. */
export const plots = (...entries: readonly Plot[]): Block => ({ kind: 'plots', plots: entries });

export const table = (options: TableOptions): Block => ({ kind: 'table', ...options });
