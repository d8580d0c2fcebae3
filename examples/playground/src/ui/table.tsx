/** A table of numbers that scrolls by itself where it is wider than the page. */
interface TableProps {
  readonly caption: string;
  readonly columns: readonly string[];
  /** The first cell of a row names it; undefined and NaN are a dash. */
  readonly rows: readonly (readonly (string | number | undefined)[])[];
  readonly digits?: number;
}

export function Table({ caption, columns, rows, digits = 4 }: TableProps) {
  const kind = (column: number) => (typeof rows[0]?.[column] === 'string' ? 'word' : '');
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls has to be reached by keyboard.
    <section class="table" aria-label={caption} tabIndex={0}>
      <table>
        <caption>{caption}</caption>
        <thead>
          <tr>
            {columns.map((column, i) => (
              <th key={column} scope="col" class={kind(i)}>
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
                <td key={column} class={kind(column + 1)}>
                  {format(cell, digits)}
                </td>
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
