/**
 * Maxima of bins and windows on webgpu and webgl. One shader finds the cell of each maximum, a second fetches its value;
 * the gradient is taken cell by cell (every cell asks its bins), since neither language adds floats atomically.
 */
import { reshape, type Tensor } from '@tensorflow/tfjs-core';
import type { FastKernel } from '@tfkit/core/tfjs';
import type { ScatterAttributes } from '../../ops/maxima';
import {
  canLoop,
  type Language,
  runWebgl,
  runWebgpu,
  type Shader,
  type WebglBackend,
  type WebgpuBackend,
} from './language';

type Runner = (shader: Shader) => Tensor;
/** A kernel over the runner of either language; undefined declines. */
type ShaderKernel = (inputs: Record<string, Tensor>, attributes: never, run: Runner) => Tensor | Tensor[];

const onWebgpu =
  (kernel: ShaderKernel): FastKernel =>
  (inputs, attributes, backend: WebgpuBackend) =>
    backend.runWebGPUProgram
      ? kernel(inputs, attributes as never, (shader) => runWebgpu(backend, shader))
      : undefined;

const onWebgl =
  (kernel: ShaderKernel): FastKernel =>
  (inputs, attributes, backend: WebglBackend) =>
    canLoop(backend) ? kernel(inputs, attributes as never, (shader) => runWebgl(backend, shader)) : undefined;

/** Takes the cell at `cell`, value at `at` of x, into `best` and `result` if it is the first, greater, or the first NaN. */
const take = (l: Language, at: string, cell: string) => `
  ${l.float('value', l.readFloat('x', at))}
  if (result < 0 || value > best || (${l.isNaN('value')} && !${l.isNaN('best')})) {
    best = value;
    result = ${cell};
  }`;

const binMax: ShaderKernel = ({ x, edges, images }, _attributes, run) => {
  const [count, depth, height, width, channels] = x!.shape as [number, number, number, number, number];
  const [regions, bins] = edges!.shape as [number, number];
  const cells = run({
    name: 'SppBinMax',
    inputs: { x: x!, edges: edges! },
    shape: [regions, bins, channels],
    dtype: 'int32',
    code: (l) => `
      ${l.int('row', `7 * (index / ${channels})`)}
      ${l.int('c', `index % ${channels}`)}
      ${l.int('image', l.readInt('edges', 'row'))}
      ${['d0', 'd1', 'h0', 'h1', 'w0', 'w1'].map((name, i) => l.int(name, l.readInt('edges', `row + ${i + 1}`))).join('\n')}
      ${l.float('best', '0.0')}
      ${l.int('result', -1)}
      if (image >= 0 && image < ${count}) {
        ${l.loop(
          'd',
          'd0',
          'd1',
          l.loop(
            'h',
            'h0',
            'h1',
            l.loop(
              'w',
              'w0',
              'w1',
              `
          ${l.int('cell', `(d * ${height} + h) * ${width} + w`)}
          ${take(l, `(image * ${depth * height * width} + cell) * ${channels} + c`, 'cell')}`,
            ),
          ),
        )}
      }`,
  });
  const values = fetch(x!, cells, images!, count, depth * height * width, run);
  return [values, cells];
};

const slidingMax: ShaderKernel = ({ x }, { radius }: { radius: number }, run) => {
  const [count, height, width, channels] = x!.shape as [number, number, number, number];
  const cells = run({
    name: 'SppSlidingMax',
    inputs: { x: x! },
    shape: x!.shape,
    dtype: 'int32',
    code: (l) => `
      ${l.int('c', `index % ${channels}`)}
      ${l.int('position', `(index / ${channels}) % ${height * width}`)}
      ${l.int('image', `index / ${channels * height * width}`)}
      ${l.int('y', `position / ${width}`)}
      ${l.int('u', `position % ${width}`)}
      ${l.float('best', '0.0')}
      ${l.int('result', -1)}
      ${near(
        l,
        'y',
        'u',
        height,
        width,
        radius,
        `
        ${l.int('cell', `h * ${width} + w`)}
        ${take(l, `(image * ${height * width} + cell) * ${channels} + c`, 'cell')}`,
      )}`,
  });
  const found = reshape(cells, [count, height * width, channels]);
  return [reshape(run(fetchShader(x!, found, undefined, count, height * width)), x!.shape), cells];
};

/** Runs `body` for the cells h, w of the map at most `radius` from (y, u). */
const near = (
  l: Language,
  y: string,
  u: string,
  height: number,
  width: number,
  radius: number,
  body: string,
) =>
  l.loop(
    'h',
    `max(0, ${y} - ${radius})`,
    `min(${height}, ${y} + ${radius + 1})`,
    l.loop('w', `max(0, ${u} - ${radius})`, `min(${width}, ${u} + ${radius + 1})`, body),
  );

const gather: ShaderKernel = ({ x, found, images }, { images: count, cellCount }: ScatterAttributes, run) =>
  fetch(x!, found!, images!, count, cellCount, run);

const fetch = (
  x: Tensor,
  cells: Tensor,
  images: Tensor,
  count: number,
  cellCount: number,
  run: Runner,
): Tensor => run(fetchShader(x, cells, images, count, cellCount));

/** x in the cells found; regions are images where `images` is undefined. */
function fetchShader(
  x: Tensor,
  cells: Tensor,
  images: Tensor | undefined,
  count: number,
  cellCount: number,
): Shader {
  const [, bins, channels] = cells.shape as [number, number, number];
  return {
    name: 'SppFetch',
    inputs: { x, found: cells, ...(images && { images }) },
    shape: cells.shape,
    dtype: 'float32',
    code: (l) => `
      ${l.int('cell', l.readInt('found', 'index'))}
      ${l.int('region', `index / ${bins * channels}`)}
      ${l.int('image', images ? l.readInt('images', 'region') : 'region')}
      ${l.float('result', '0.0')}
      if (cell >= 0 && cell < ${cellCount} && image >= 0 && image < ${count}) {
        result = ${l.readFloat('x', `(image * ${cellCount} + cell) * ${channels} + index % ${channels}`)};
      }`,
  };
}

const scatter: ShaderKernel = ({ dy, found, images }, attributes: ScatterAttributes, run) => {
  const { images: count, cellCount, whole, window } = attributes;
  const [regions, bins, channels] = found!.shape as [number, number, number];
  const add = (l: Language, region: string, bin: string) => `
    ${l.int('at', `(${region} * ${bins} + ${bin}) * ${channels} + c`)}
    if (${l.readInt('found', 'at')} == cell) { result = result + ${l.readFloat('dy', 'at')}; }`;
  const search = (l: Language): string => {
    if (window) {
      const { height, width, radius } = window;
      return near(
        l,
        `(cell / ${width})`,
        `(cell % ${width})`,
        height,
        width,
        radius,
        add(l, 'image', `(h * ${width} + w)`),
      );
    }
    if (whole) return l.loop('bin', 0, bins, add(l, 'image', 'bin'));
    return l.loop(
      'region',
      0,
      regions,
      `
      if (${l.readInt('images', 'region')} == image) { ${l.loop('bin', 0, bins, add(l, 'region', 'bin'))} }`,
    );
  };
  return run({
    name: 'SppScatter',
    inputs: { dy: dy!, found: found!, ...(!whole && { images: images! }) },
    shape: [count, cellCount, channels],
    dtype: 'float32',
    code: (l) => `
      ${l.int('c', `index % ${channels}`)}
      ${l.int('cell', `(index / ${channels}) % ${cellCount}`)}
      ${l.int('image', `index / ${channels * cellCount}`)}
      ${l.float('result', '0.0')}
      ${search(l)}`,
  });
};

export const [webgpuBinMax, webglBinMax] = [onWebgpu(binMax), onWebgl(binMax)];
export const [webgpuSlidingMax, webglSlidingMax] = [onWebgpu(slidingMax), onWebgl(slidingMax)];
export const [webgpuScatter, webglScatter] = [onWebgpu(scatter), onWebgl(scatter)];
export const [webgpuGather, webglGather] = [onWebgpu(gather), onWebgl(gather)];
