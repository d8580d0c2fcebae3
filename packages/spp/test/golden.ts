/** Golden adapter: cases of the format in the reference data's README (closed lists of ops and options). */
import * as tf from '@tensorflow/tfjs-core';
import type { GoldenAdapter } from '@tfkit/test-kit/golden';
import { compareAllclose } from '@tfkit/test-kit/matchers';
import * as spp from '../src/index';

interface Flat {
  readonly shape: number[];
  readonly data: number[];
}

// biome-ignore lint/suspicious/noExplicitAny: the format's values are of any kind
type Config = Record<string, any>;
type Inputs = Record<string, tf.Tensor>;

interface Op {
  /** The inputs that `run` is differentiated by; the results' names are `gradX` or `grad.<name>`. */
  readonly by: readonly string[];
  run(inputs: Inputs, config: Config): tf.Tensor;
  /** The name of the differentiated output. Default 'y'. */
  readonly output?: string;
  /** What else is expected, from the inputs. */
  more?(inputs: Inputs, config: Config, rows: number[][]): Record<string, tf.Tensor | Flat>;
}

const adaptive = (pool: (x: never, bins: number[]) => tf.Tensor): Op => ({
  by: ['x'],
  run: ({ x }, { bins }) => pool(x as never, bins),
});

const adaptiveMax = (pool: (x: never, bins: number[]) => tf.Tensor): Op => ({
  ...adaptive(pool),
  more: ({ x }, { bins, starts, ends }) => {
    const spatial = x!.shape.slice(1, -1);
    spatial.forEach((size, axis) => {
      const edges = spp.adaptiveBins(size, bins[axis]);
      if (starts)
        equal(
          `starts of axis ${axis}`,
          edges.map(({ start }) => start),
          starts[axis],
        );
      if (ends)
        equal(
          `ends of axis ${axis}`,
          edges.map(({ end }) => end),
          ends[axis],
        );
    });
    return { argmax: spp.adaptiveMaxPoolWithArgmax(x!, bins).indexes };
  },
});

const region = (run: (inputs: Inputs, config: Config) => tf.Tensor): Op => ({ by: ['x'], run });

const block = (
  names: (config: Config) => string[],
  run: Op['run'],
): Op & { names: (config: Config) => string[] } => ({
  by: ['x'],
  names,
  run,
});

const conv = (inputs: Inputs, name: string) => ({
  kernel: inputs[`${name}.kernel`] as tf.Tensor4D,
  bias: inputs[`${name}.bias`] as tf.Tensor1D,
});
const convs = (inputs: Inputs, names: string[]) =>
  Object.fromEntries(names.map((name) => [name, conv(inputs, name)])) as never;

const activationOf = ({ activation = '' }: Config) =>
  (['silu', 'relu'] as const).find((word) => String(activation).startsWith(word)) ?? 'linear';

const sppfNames = ['cv1', 'cv2'];
const cspNames = ['cv1', 'cv2', 'cv3', 'cv4', 'cv5', 'cv6', 'cv7'];

const ops: Record<string, Op & { names?: (config: Config) => string[] }> = {
  'adaptive-max-pool-1d': adaptiveMax(spp.adaptiveMaxPool1d),
  'adaptive-max-pool-2d': adaptiveMax(spp.adaptiveMaxPool2d),
  'adaptive-max-pool-3d': adaptiveMax(spp.adaptiveMaxPool3d),
  'adaptive-avg-pool-1d': adaptive(spp.adaptiveAvgPool1d),
  'adaptive-avg-pool-2d': adaptive(spp.adaptiveAvgPool2d),
  'adaptive-avg-pool-3d': adaptive(spp.adaptiveAvgPool3d),
  spp: {
    by: ['x'],
    output: 'vector',
    run: ({ x }, { levels, mode }) => spp.spatialPyramidPool(x!, { levels, mode }),
    more: ({ x }, { levels, mode, length }) => {
      const dims = (x!.rank - 2) as 1 | 2 | 3;
      if (length !== undefined) {
        equal('length', [spp.sppLength(x!.shape[x!.rank - 1]!, levels, dims)], [length]);
      }
      return { vectorChannelMajor: spp.spatialPyramidPool(x!, { levels, mode, order: 'channel-major' }) };
    },
  },
  'spp-window': {
    by: ['x'],
    output: 'vector',
    run: ({ x, boxes }, { levels, mode, stride }) => spp.sppWindow(x!, boxes!, { levels, mode, stride }),
    more: ({ x }, { stride, levels, mode }, rows) => {
      const mapSize = x!.shape.slice(1, -1);
      const windows = spp.mapWindows(rows, { stride, mapSize });
      // Of the same boxes as numbers, and by rows first as the file has them.
      const fromArrays = spp.sppWindow(x!, rows, { levels, mode, stride });
      const dims = mapSize.length;
      const corners = (row: number[], from: number) => row.slice(from, from + dims).reverse();
      const data = windows.flatMap((row) => [row[0]!, ...corners(row, 1), ...corners(row, 1 + dims)]);
      return { windows: { shape: [rows.length, 1 + 2 * dims], data }, vector: fromArrays };
    },
  },
  'yolo-spp': {
    by: ['x'],
    run: ({ x }, { kernels }) => spp.yoloSpp(x as tf.Tensor4D, { kernels }),
    more: ({ x }, { kernels: [k, second, third] }): Record<string, tf.Tensor> =>
      second === 2 * k - 1 && third === 3 * k - 2 ? { y: spp.sppf(x as tf.Tensor4D, { kernel: k }) } : {},
  },
  'sppf-block': block(
    () => sppfNames,
    (inputs, config) =>
      spp.sppfBlock(inputs.x as tf.Tensor4D, convs(inputs, sppfNames), {
        kernel: config.kernel,
        activation: activationOf(config),
      }),
  ),
  sppcspc: block(
    () => cspNames,
    (inputs, config) =>
      spp.sppcspc(inputs.x as tf.Tensor4D, convs(inputs, cspNames), {
        kernels: config.kernels,
        activation: activationOf(config),
      }),
  ),
  'pyramid-pooling-module': block(
    ({ bins }) => bins.map((n: number) => `bin${n}`),
    (inputs, config) =>
      spp.pyramidPoolingModule(
        inputs.x as tf.Tensor4D,
        config.bins.map((n: number) => conv(inputs, `bin${n}`)),
        { bins: config.bins, alignCorners: config.alignCorners, activation: activationOf(config) },
      ),
  ),
  'roi-pool': {
    ...region(({ x, boxes }, { outputSize, spatialScale }) =>
      spp.roiPool(x as tf.Tensor4D, boxes!, { outputSize, spatialScale }),
    ),
    more: ({ x }, { outputSize, spatialScale }, rows) => ({
      y: spp.roiPool(x as tf.Tensor4D, rows, { outputSize, spatialScale }),
    }),
  },
  'roi-align': {
    ...region(({ x, boxes }, config) => spp.roiAlign(x as tf.Tensor4D, boxes!, alignOptions(config))),
    more: ({ x }, config, rows) => ({ y: spp.roiAlign(x as tf.Tensor4D, rows, alignOptions(config)) }),
  },
};

const alignOptions = ({ outputSize, spatialScale, samplingRatio, aligned }: Config): spp.RoiAlignOptions => ({
  outputSize,
  spatialScale,
  samplingRatio: samplingRatio > 0 ? samplingRatio : 'adaptive',
  aligned,
});

const adapter: GoldenAdapter = {
  async check({ document }) {
    const { format, config, inputs: given, expected, tolerance } = document;
    if (format !== 1) throw new Error(`unknown format ${format}`);
    if (config.op === 'spp-paper-window') return paperRows(expected.rows);
    const op = ops[config.op];
    if (!op) throw new Error(`unknown op '${config.op}'`);
    const tensors = Object.fromEntries(
      Object.entries(given as Record<string, Flat>).map(([name, { shape, data }]) => [
        name,
        tf.tensor(Float32Array.from(data), shape),
      ]),
    );
    const rows = given.boxes ? rowsOf(given.boxes) : [];
    const names = op.names?.(config).flatMap((name) => [`${name}.kernel`, `${name}.bias`]) ?? [];
    const by = [...op.by, ...names.filter((name) => tensors[name])];
    const results: Record<string, tf.Tensor | Flat>[] = [{ [op.output ?? 'y']: op.run(tensors, config) }];
    if (tensors.dy) results.push(gradientsOf(op, tensors, config, by));
    results.push(op.more?.(tensors, config, rows) ?? {});
    const compared = new Set<string>();
    for (const result of results) {
      for (const [name, value] of Object.entries(result)) {
        if (!(name in expected)) continue;
        compared.add(name);
        await compare(name, value, expected[name], tolerance);
      }
    }
    tf.dispose([tensors, results as unknown as tf.TensorContainer[]]);
    for (const name of Object.keys(expected)) {
      if (!compared.has(name)) throw new Error(`nothing was computed for the expected '${name}'`);
    }
    return undefined;
  },
};

export default adapter;

function gradientsOf(op: Op, tensors: Inputs, config: Config, by: string[]): Record<string, tf.Tensor> {
  const run = (...values: tf.Tensor[]) =>
    op.run({ ...tensors, ...Object.fromEntries(by.map((name, i) => [name, values[i]!])) }, config);
  const gradients = tf.grads(run)(
    by.map((name) => tensors[name]!),
    tensors.dy,
  );
  return Object.fromEntries(
    by.flatMap((name, i) => [
      [`grad.${name}`, gradients[i]!],
      ...(name === 'x' ? [['gradX', gradients[i]!]] : []),
    ]),
  );
}

async function compare(
  name: string,
  value: tf.Tensor | Flat,
  expected: unknown,
  tolerance: Config,
): Promise<void> {
  const actual = value instanceof tf.Tensor ? { shape: value.shape, data: await value.data() } : value;
  const wanted = (Array.isArray(expected) ? nested(expected) : expected) as Flat;
  const isGradient = name.startsWith('grad');
  const { rel = 0, abs = 0, relToMax = 0 } = isGradient ? tolerance.gradients : tolerance.values;
  const largest = wanted.data.reduce((max, v) => Math.max(max, Math.abs(v)), 0);
  const difference = compareAllclose(actual, wanted, { rtol: rel, atol: abs + relToMax * largest });
  if (difference) throw new Error(`${name}: ${difference}`);
}

function nested(value: unknown[]): Flat {
  const shape: number[] = [];
  for (let level: unknown = value; Array.isArray(level); level = level[0]) shape.push(level.length);
  return { shape, data: value.flat(Infinity) as number[] };
}

function rowsOf({ shape, data }: Flat): number[][] {
  const columns = shape[1]!;
  return Array.from({ length: shape[0]! }, (_, i) => data.slice(i * columns, (i + 1) * columns));
}

function paperRows(rows: spp.PaperWindows[]): undefined {
  for (const row of rows) {
    const actual = spp.paperWindows(row.size, row.bins);
    for (const [key, value] of Object.entries(row)) {
      equal(`${key} of ${row.size} cells in ${row.bins} bins`, [actual[key as keyof typeof actual]], [value]);
    }
  }
}

function equal(what: string, actual: unknown, expected: unknown): void {
  const [a, b] = [JSON.stringify(actual), JSON.stringify(expected)];
  if (a !== b) throw new Error(`${what}: ${a} instead of ${b}`);
}
