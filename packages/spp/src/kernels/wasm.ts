/** The kernels of `assembly/` on the memory of tfjs' wasm backend. */
import type { TensorInfo } from '@tensorflow/tfjs-core';
import { sizeOf } from '@tfkit/core';
import {
  moduleOn,
  pointerOf,
  type WasmBackend,
  type WasmModule,
  withScratch,
} from '@tfkit/core/kernels/wasm-memory';
import type { FastKernel } from '@tfkit/core/tfjs';
import { plain, shared } from '@tfkit/spp/kernels/wasm-module';
import type { PlannedLevel } from '../bins';
import { extentOf } from '../loops/extent';

/** What `assembly/index.ts` exports: pointers and counts alone. */
type Exports = Record<
  'binMax' | 'keyMax' | 'scatter' | 'gather' | 'separable' | 'separableBackprop' | 'slidingMax',
  (...numbers: number[]) => void
>;

const moduleFor = (backend: WasmBackend): WasmModule<Exports> | undefined =>
  moduleOn<Exports>(backend, { plain, shared });

export const binMax: FastKernel = ({ x, edges }, { plan, cells: asked }, backend: WasmBackend) => {
  const module = moduleFor(backend);
  if (!module) return undefined;
  if (!asked) {
    const shared = keyMax({ x, edges }, plan, backend, module);
    if (shared) return shared;
  }
  const [images, depth, height, width, channels] = x.shape as number[];
  const [regions, bins] = edges.shape as number[];
  const values = backend.makeOutput([regions!, bins!, channels!], 'float32');
  const cells = backend.makeOutput([regions!, bins!, channels!], 'int32');
  withScratch(backend, [plan.length * 32], (table) => {
    // The view is taken here, after every allocation: growth of the memory detaches older ones.
    new Int32Array(module.memory.buffer, table, plan.length * 8).set(planTable(plan));
    const [from, edgesAt, to, found] = [x, edges, values, cells].map((t) =>
      pointerOf(backend, t),
    ) as number[];
    module.exports.binMax(
      from!,
      edgesAt!,
      table!,
      plan.length,
      regions!,
      bins!,
      images!,
      depth!,
      height!,
      width!,
      channels!,
      to!,
      found!,
    );
  });
  return [values, cells];
};

/** Of a block of channels in `assembly/keyMax.ts`. */
const keyBytes = 128;

/** Most bytes of the table that windows share, and the fewest channels: a block of few is mostly padding. */
const mostTableBytes = 1 << 26;
const fewestChannels = 16;

/** The maxima alone, from a table of all cells, where the bins read the map often enough. */
function keyMax(
  { x, edges }: Record<'x' | 'edges', TensorInfo>,
  plan: readonly PlannedLevel[],
  backend: WasmBackend,
  module: WasmModule<Exports>,
): TensorInfo | undefined {
  const [images, depth, height, width, channels] = x.shape as [number, number, number, number, number];
  if (channels < fewestChannels) return undefined;
  const [regions, bins] = edges.shape as [number, number];
  const view = new Int32Array(module.memory.buffer, pointerOf(backend, edges), sizeOf(edges.shape));
  const { visits, rows, count } = extentOf(view, { regions, bins, plan });
  if (visits === 0) return undefined;
  const cells = images * depth * height * width;
  // Rows of the mean bin, down to a power of two. Making a layer costs about as much for a cell as reading it for a bin.
  const run = 2 ** Math.max(0, Math.floor(Math.log2(rows / count)));
  const layers = run > 1 ? 2 : 1;
  if (visits < 4 * layers * cells || layers * cells * keyBytes > mostTableBytes) return undefined;
  const out = backend.makeOutput([regions, bins, channels], 'float32');
  withScratch(
    backend,
    [plan.length * 32, layers * cells * keyBytes, bins * keyBytes],
    (planAt, table, keys) => {
      new Int32Array(module.memory.buffer, planAt, plan.length * 8).set(planTable(plan));
      module.exports.keyMax(
        ...[pointerOf(backend, x), pointerOf(backend, edges), planAt!, plan.length, regions, bins],
        ...[images, depth, height, width, channels, run, pointerOf(backend, out), table!, keys!],
      );
    },
  );
  return out;
}

/** Eight numbers a level: first bin, bins along three axes, first bin of the source (-1: the map), source bins in a bin. */
function planTable(plan: readonly PlannedLevel[]): number[] {
  return plan.flatMap(({ bins, offset, source }) => {
    const finer = plan.find(({ level }) => level === source);
    const parts = finer ? finer.bins.map((n, axis) => n / bins[axis]!) : [0, 0, 0];
    return [offset, ...bins, finer ? finer.offset : -1, ...parts];
  });
}

export const scatter: FastKernel = (
  { dy, found, images },
  { images: count, cellCount },
  backend: WasmBackend,
) => {
  const module = moduleFor(backend);
  if (!module) return undefined;
  const [regions, bins, channels] = found.shape as number[];
  const dx = backend.makeOutput([count, cellCount, channels!], 'float32');
  const [from, at, ids, to] = [dy, found, images, dx].map((t: TensorInfo) =>
    pointerOf(backend, t),
  ) as number[];
  module.exports.scatter(from!, at!, ids!, regions!, bins!, cellCount, channels!, to!, count);
  return dx;
};

export const gather: FastKernel = (
  { x, found, images },
  { images: count, cellCount },
  backend: WasmBackend,
) => {
  const module = moduleFor(backend);
  if (!module) return undefined;
  const [regions, bins, channels] = found.shape as number[];
  const out = backend.makeOutput(found.shape, 'float32');
  const [from, at, ids, to] = [x, found, images, out].map((t: TensorInfo) =>
    pointerOf(backend, t),
  ) as number[];
  module.exports.gather(from!, at!, ids!, regions!, bins!, cellCount, channels!, to!, count);
  return out;
};

export const slidingMax: FastKernel = ({ x }, { radius }, backend: WasmBackend) => {
  const module = moduleFor(backend);
  if (!module) return undefined;
  const [images, height, width, channels] = x.shape as number[];
  const values = backend.makeOutput(x.shape, 'float32');
  const cells = backend.makeOutput(x.shape, 'int32');
  withScratch(backend, [height! * width! * channels! * 8], (scratch) => {
    const [from, to, found] = [x, values, cells].map((t) => pointerOf(backend, t)) as number[];
    module.exports.slidingMax(from!, images!, height!, width!, channels!, radius, to!, found!, scratch!);
  });
  return [values, cells];
};

export const separable: FastKernel = ({ x, a, b, images }, _attributes, backend: WasmBackend) => {
  const module = moduleFor(backend);
  if (!module) return undefined;
  const [count, height, width, channels] = x.shape as number[];
  const out = backend.makeOutput([images.shape[0], a.shape[1], b.shape[1], channels!], 'float32');
  module.exports.separable(
    pointerOf(backend, x),
    ...matrices(backend, a, b, images),
    ...[count!, height!, width!, channels!, pointerOf(backend, out)],
  );
  return out;
};

export const separableBackprop: FastKernel = ({ dy, a, b, images }, { count }, backend: WasmBackend) => {
  const module = moduleFor(backend);
  if (!module) return undefined;
  const [height, width, channels] = [a.shape[2], b.shape[2], dy.shape[3]] as number[];
  const dx = backend.makeOutput([count, height!, width!, channels!], 'float32');
  module.exports.separableBackprop(
    pointerOf(backend, dy),
    ...matrices(backend, a, b, images),
    ...[count, height!, width!, channels!, pointerOf(backend, dx)],
  );
  return dx;
};

/** Pointers and strides of both matrices, the images, and the numbers of regions, rows and columns. */
function matrices(backend: WasmBackend, a: TensorInfo, b: TensorInfo, images: TensorInfo): number[] {
  const stride = ({ shape }: TensorInfo) => (shape[0] === 1 ? 0 : sizeOf(shape.slice(1)));
  return [
    ...[pointerOf(backend, a), stride(a), pointerOf(backend, b), stride(b), pointerOf(backend, images)],
    ...[images.shape[0]!, a.shape[1]!, b.shape[1]!],
  ];
}
