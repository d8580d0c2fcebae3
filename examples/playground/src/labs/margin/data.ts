/** What is embedded: MNIST digits that come with the page, or the visitor's own vectors. */
import { readLabelMap } from '@tfkit/seg-metrics/io';
import { csvParseRows } from 'd3-dsv';
import digitsAddress from '../../data/digits.png?url';
import { perClass, side, trainPerClass } from '../../data/sheet';

export interface Dataset {
  /** [count, dimension] row-major. */
  readonly x: Float32Array;
  readonly dimension: number;
  /** Class ids from 0. */
  readonly labels: Int32Array;
  readonly classNames: readonly string[];
  /** Rows to train on, and rows to look at and score. */
  readonly train: Int32Array;
  readonly test: Int32Array;
}

/** The first so many digits, 14 x 14 pixels in [0, 1]. */
export async function loadDigits(classes: number): Promise<Dataset> {
  const bytes = new Uint8Array(await (await fetch(digitsAddress)).arrayBuffer());
  const { data } = await readLabelMap(bytes);
  const count = classes * perClass;
  const dimension = side * side;
  const x = new Float32Array(count * dimension);
  for (let n = 0; n < count; n++) {
    const [digit, column] = [Math.floor(n / perClass), n % perClass];
    for (let i = 0; i < dimension; i++) {
      const [row, offset] = [digit * side + Math.floor(i / side), column * side + (i % side)];
      x[n * dimension + i] = data[row * perClass * side + offset]! / 255;
    }
  }
  const rows = Int32Array.from({ length: count }, (_, n) => n);
  return {
    ...{ x, dimension },
    labels: rows.map((n) => Math.floor(n / perClass)),
    classNames: Array.from({ length: classes }, (_, digit) => String(digit)),
    train: rows.filter((n) => n % perClass < trainPerClass),
    test: rows.filter((n) => n % perClass >= trainPerClass),
  };
}

export interface EmbeddingFile {
  readonly name: string;
  readonly bytes: Uint8Array;
}

/**
 * The visitor's vectors: a CSV file whose last column is the label, or two npy files, numbers [count, dimension] and
 * labels [count]. Every fourth row is kept for scoring; columns are standardised.
 */
export async function readEmbeddings(files: readonly EmbeddingFile[]): Promise<Dataset> {
  const csv = files.find(({ name }) => /\.(csv|txt)$/i.test(name));
  const { rows, labels } = csv ? readCsv(csv) : await readNpy(files);
  const dimension = rows[0]?.length ?? 0;
  const wrong = rows.findIndex(
    (row) => row.length !== dimension || row.some((value) => !Number.isFinite(value)),
  );
  if (dimension === 0) throw new Error('the file must hold at least one number in a row.');
  if (wrong >= 0) throw new Error(`row ${wrong + 1} must hold ${dimension} numbers.`);
  const classNames = [...new Set(labels)].sort((a, b) => a.localeCompare(b, undefined, { numeric: true }));
  if (classNames.length < 2 || classNames.length > 200) {
    throw new Error(`labels must name 2 to 200 classes, got ${classNames.length}.`);
  }
  const all = Int32Array.from(rows, (_, n) => n);
  return {
    x: standardise(rows, dimension),
    dimension,
    labels: Int32Array.from(labels, (label) => classNames.indexOf(label)),
    classNames,
    train: all.filter((n) => n % 4 !== 3),
    test: all.filter((n) => n % 4 === 3),
  };
}

interface Rows {
  readonly rows: readonly (readonly number[])[];
  readonly labels: readonly string[];
}

function readCsv({ bytes }: EmbeddingFile): Rows {
  const lines = csvParseRows(new TextDecoder().decode(bytes).trim());
  // A header is a first row whose first cell is no number.
  const body = Number.isNaN(Number(lines[0]?.[0])) ? lines.slice(1) : lines;
  return {
    rows: body.map((cells) => cells.slice(0, -1).map(Number)),
    labels: body.map((cells) => cells.at(-1)!.trim()),
  };
}

async function readNpy(files: readonly EmbeddingFile[]): Promise<Rows> {
  const arrays = await Promise.all(files.map(({ bytes }) => readLabelMap(bytes)));
  const vectors = arrays.find(({ shape }) => shape.length === 2);
  const labels = arrays.find(({ shape }) => shape.length === 1);
  if (!vectors || !labels || labels.shape[0] !== vectors.shape[0]) {
    const shapes = arrays.map(({ shape }) => `[${shape.join(', ')}]`).join(' and ');
    throw new Error(
      `two npy files must hold numbers [count, dimension] and labels [count], got ${shapes || 'none'}.`,
    );
  }
  const [count, dimension] = vectors.shape as [number, number];
  return {
    rows: Array.from({ length: count }, (_, n) =>
      Array.from(vectors.data.subarray(n * dimension, (n + 1) * dimension)),
    ),
    labels: Array.from(labels.data, String),
  };
}

/** Each column to mean 0 and deviation 1. */
function standardise(rows: Rows['rows'], dimension: number): Float32Array {
  const x = new Float32Array(rows.length * dimension);
  for (let column = 0; column < dimension; column++) {
    const mean = rows.reduce((sum, row) => sum + row[column]!, 0) / rows.length;
    const variance = rows.reduce((sum, row) => sum + (row[column]! - mean) ** 2, 0) / rows.length;
    rows.forEach((row, n) => {
      x[n * dimension + column] = (row[column]! - mean) / Math.sqrt(variance || 1);
    });
  }
  return x;
}
