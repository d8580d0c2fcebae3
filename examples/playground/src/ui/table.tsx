/** A table of numbers that scrolls by itself where it is wider than the page. */
interface TableProps {
  readonly caption: string;
  readonly columns: readonly string[];
  /** The first cell of a row names it; undefined and NaN are a dash. */
  readonly rows: readonly (readonly (string | number | undefined)[])[];
  readonly digits?: number;
  /** The second column holds words, and is aligned left. */
  readonly words?: boolean;
}

export function Table({ caption, columns, rows, digits = 4, words = false }: TableProps) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls has to be reached by keyboard.
    <section class="table" aria-label={caption} tabIndex={0}>
      <table class={words ? 'words' : ''}>
        <caption>{caption}</caption>
        <thead>
          <tr>
            {columns.map((column) => (
              <th key={column} scope="col">
                {column}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map(([name, ...cells], row) => (
            <tr key={row}>
              <th scope="row">{name}</th>
              {cells.map((cell, column) => (
                <td key={column}>{format(cell, digits)}</td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

export function format(value: string | number | undefined, digits = 4): string {
  if (value === undefined || Number.isNaN(value)) return '–';
  if (typeof value === 'string') return value;
  if (value === Infinity) return '∞';
  return Number.isInteger(value) ? String(value) : value.toFixed(digits);
}
