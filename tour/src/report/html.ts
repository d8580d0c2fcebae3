/** HTML by tagged template: what is interpolated is escaped, unless it is HTML made by this tag or `trusted`. */
export class Html {
  constructor(readonly source: string) {}
  toString(): string {
    return this.source;
  }
}

export type HtmlValue = Html | string | number | null | undefined | readonly HtmlValue[];

/** Null and undefined give nothing, arrays their items one after the other. */
export function html(parts: TemplateStringsArray, ...values: readonly HtmlValue[]): Html {
  return new Html(parts.reduce((page, part, index) => page + sourceOf(values[index - 1]) + part));
}

/** Text that is HTML already: a style sheet, an SVG from the plotting library. */
export const trusted = (source: string): Html => new Html(source);

function sourceOf(value: HtmlValue): string {
  if (value === null || value === undefined) return '';
  if (value instanceof Html) return value.source;
  if (typeof value === 'object') return value.map(sourceOf).join('');
  return escapeHtml(String(value));
}

/** Text in which `backticks` mark code. */
export const prose = (source: string): Html =>
  html`${source.split(/`([^`]+)`/).map((part, index) => (index % 2 === 1 ? html`<code>${part}</code>` : part))}`;

const entities: Record<string, string> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** Safe as text and inside a quoted attribute. */
export const escapeHtml = (text: string): string =>
  text.replace(/[&<>"']/g, (character) => entities[character]!);
