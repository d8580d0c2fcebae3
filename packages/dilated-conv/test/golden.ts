/** Golden adapter: cases of the format in the reference data's README (closed lists of ops and options). */
import * as tf from '@tensorflow/tfjs-core';
import { compareAllclose } from '@tfkit/test-kit/allclose';
import type { GoldenAdapter, GoldenCase } from '@tfkit/test-kit/golden';
import { coverage, coversExactly, hdcRule, hitsMap, receptiveField } from '../src/index';
import { blockOps } from './golden/blocks';
import { convolutionOps } from './golden/convolutions';

// biome-ignore lint/suspicious/noExplicitAny: the format's values are of any kind
export type Config = Record<string, any>;
export type Inputs = Record<string, tf.Tensor>;

/** The output, and what the format calls it and the gradient to each input. */
export interface GoldenOp {
  readonly output: string;
  gradientOf(input: string): string;
  run(inputs: Inputs, config: Config): tf.Tensor;
  /** Numbers that the case states beside tensors. */
  numbers?(config: Config): Record<string, unknown>;
}

interface StoredTensor {
  readonly shape: number[];
  readonly data: number[];
}

interface Tolerance {
  readonly rel?: number;
  readonly abs?: number;
  readonly relToMax?: number;
}

const ops: Record<string, GoldenOp> = { ...convolutionOps, ...blockOps };

const adapter: GoldenAdapter = {
  async check({ document }: GoldenCase) {
    const { config, inputs = {}, expected, tolerance, format } = document;
    if (format !== 1) throw new Error(`unknown format ${format}`);
    const faults =
      config.op === 'hdc'
        ? compareNumbers(hdcNumbers(config), expected, tolerance)
        : config.op === 'receptive-field'
          ? receptiveFieldFaults(expected.rows)
          : await tensorFaults(config, inputs, expected, tolerance);
    if (faults.length > 0) throw new Error(`${faults.length} differ, the first: ${faults[0]}`);
    return undefined;
  },
};

export default adapter;

async function tensorFaults(
  config: Config,
  stored: Record<string, StoredTensor>,
  expected: Record<string, StoredTensor>,
  tolerance: { values: Tolerance; gradients: Tolerance },
): Promise<string[]> {
  const op = ops[config.op];
  if (!op) throw new Error(`unknown op '${config.op}'`);
  const { dy, ...inputs } = Object.fromEntries(
    Object.entries(stored).map(([name, { shape, data }]) => [name, tf.tensor(data, shape, 'float32')]),
  ) as Inputs;
  const names = Object.keys(inputs);
  const run = (...tensors: tf.Tensor[]) =>
    op.run(Object.fromEntries(names.map((name, i) => [name, tensors[i]!])), config);
  const tensors = Object.values(inputs);
  const { value, grads } = tf.valueAndGrads(run)(tensors, dy);
  const found: Record<string, tf.Tensor> = { [op.output]: value };
  for (const [i, name] of names.entries()) found[op.gradientOf(name)] = grads[i]!;
  const numbers = op.numbers?.(config) ?? {};
  const faults: string[] = [];
  for (const [name, entry] of Object.entries(expected)) {
    if (name in numbers) {
      faults.push(...compareNumbers({ [name]: numbers[name] }, { [name]: entry }, tolerance));
      continue;
    }
    const tensor = found[name];
    if (!tensor) throw new Error(`unknown expected entry '${name}'`);
    const fault = compareTensor(
      { shape: tensor.shape, data: [...(await tensor.data())] },
      entry,
      name === op.output ? tolerance.values : tolerance.gradients,
    );
    if (fault) faults.push(`${name}: ${fault}`);
  }
  tf.dispose([inputs, dy ?? [], value, grads]);
  return faults;
}

function compareTensor(actual: StoredTensor, expected: StoredTensor, tolerance: Tolerance) {
  const largest = expected.data.reduce((max, value) => Math.max(max, Math.abs(value)), 0);
  return compareAllclose(actual, expected, {
    rtol: tolerance.rel ?? 0,
    // A tensor of zeros is compared to float32's smallest normal number.
    atol: Math.max(tolerance.abs ?? 0, (tolerance.relToMax ?? 0) * largest, 1.2e-38),
  });
}

function hdcNumbers({ rates, kernel }: Config): Record<string, unknown> {
  const rule = hdcRule(rates, kernel);
  const covered = coverage(rates, kernel);
  return {
    receptiveField: covered.receptiveField,
    M: rule.maxDistances,
    M2: rule.secondDistance,
    passesRule: rule.passes,
    gcd: rule.gcd,
    hits: [...hitsMap(rates, kernel)],
    covered: covered.covered,
    holes: covered.holes,
    largestGap: covered.largestGap,
    fullCoverage: covered.holes.length === 0,
    exactRule: coversExactly(rates, kernel),
    coverage1d: covered.fraction,
    coverage2d: covered.fraction2d,
  };
}

function compareNumbers(
  found: Record<string, unknown>,
  expected: Record<string, unknown>,
  tolerance: { values: Tolerance },
): string[] {
  return Object.entries(expected).flatMap(([name, value]) => {
    if (!(name in found)) throw new Error(`unknown expected entry '${name}'`);
    const actual = found[name];
    const limit = (tolerance.values.relToMax ?? tolerance.values.rel ?? 0) * Math.abs(Number(value));
    const same =
      typeof value === 'number' && !Number.isInteger(value)
        ? Math.abs((actual as number) - value) <= Math.max(limit, tolerance.values.abs ?? 0)
        : JSON.stringify(actual) === JSON.stringify(value);
    return same ? [] : [`${name} is ${JSON.stringify(actual)}, expected ${JSON.stringify(value)}`];
  });
}

interface FieldRow {
  readonly layers: readonly { kernel: number; dilation: number; stride: number }[];
  readonly receptiveField: number;
  readonly jump: number;
}

function receptiveFieldFaults(rows: readonly FieldRow[]): string[] {
  return rows.flatMap((row) => {
    const { size, jump } = receptiveField(
      row.layers.map(({ kernel, dilation, stride }) => ({
        kernelSize: kernel,
        dilationRate: dilation,
        strides: stride,
      })),
    );
    const same = size === row.receptiveField && jump === row.jump;
    return same
      ? []
      : [`${JSON.stringify(row.layers)}: ${size}, ${jump} instead of ${row.receptiveField}, ${row.jump}`];
  });
}
