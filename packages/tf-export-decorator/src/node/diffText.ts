/** A unified line diff of two texts, for messages. */

/** Lines with ' ', '-' or '+' before them, three lines of context, under a heading with the file's name. */
export function lineDiff(name: string, old: string, now: string): string {
  const edits = diffLines(old.split('\n'), now.split('\n'));
  const keep = edits.map(([sign], index) => sign !== ' ' || near(edits, index));
  const lines: string[] = [];
  edits.forEach(([sign, text], index) => {
    if (keep[index]) lines.push(`${sign} ${text}`);
    else if (keep[index - 1]) lines.push('  ...');
  });
  return [`--- ${name}`, ...lines].join('\n');
}

type Edit = readonly [sign: ' ' | '-' | '+', text: string];

const near = (edits: readonly Edit[], index: number): boolean =>
  edits.slice(Math.max(0, index - 3), index + 4).some(([sign]) => sign !== ' ');

/** The longest common subsequence after equal ends are cut off; whole blocks when the rest is very long. */
function diffLines(old: readonly string[], now: readonly string[]): Edit[] {
  let start = 0;
  while (start < old.length && start < now.length && old[start] === now[start]) start++;
  let end = 0;
  while (end < old.length - start && end < now.length - start && old.at(-1 - end) === now.at(-1 - end)) end++;
  const same = (lines: readonly string[]): Edit[] => lines.map((line) => [' ', line]);
  const a = old.slice(start, old.length - end);
  const b = now.slice(start, now.length - end);
  const middle =
    a.length * b.length > 4_000_000
      ? [...a.map((line): Edit => ['-', line]), ...b.map((line): Edit => ['+', line])]
      : commonSubsequence(a, b);
  return [...same(old.slice(0, start)), ...middle, ...same(old.slice(old.length - end))];
}

function commonSubsequence(a: readonly string[], b: readonly string[]): Edit[] {
  const width = b.length + 1;
  const lengths = new Uint32Array((a.length + 1) * width);
  for (let i = a.length - 1; i >= 0; i--) {
    for (let j = b.length - 1; j >= 0; j--) {
      const below = lengths[(i + 1) * width + j]!;
      const right = lengths[i * width + j + 1]!;
      lengths[i * width + j] = a[i] === b[j] ? lengths[(i + 1) * width + j + 1]! + 1 : Math.max(below, right);
    }
  }
  const edits: Edit[] = [];
  let i = 0;
  let j = 0;
  while (i < a.length || j < b.length) {
    if (i < a.length && j < b.length && a[i] === b[j]) {
      edits.push([' ', a[i]!]);
      i++;
      j++;
    } else if (
      j >= b.length ||
      (i < a.length && lengths[(i + 1) * width + j]! >= lengths[i * width + j + 1]!)
    ) {
      edits.push(['-', a[i++]!]);
    } else edits.push(['+', b[j++]!]);
  }
  return edits;
}
