/**
 * The gradient of a 2-D convolution to its filter in WGSL, for any stride, dilation and padding: dFilter [kh, kw, cIn, cOut]
 * without a copy of x. An index owns a tile of one tap, so many input by so many output channels, in registers, and goes
 * over a share of dy's rows; the shares are summed at the end.
 */
import type { TensorInfo } from '@tensorflow/tfjs-core';
import { type ConvNumbers, convNumbers } from '../convInfo';
import { allFloat32, type FastKernel } from '../fast';
import type { Program, Uniform, WebgpuBackend } from './program';

/** Input and output channels of a tile. Half as many in either direction take 1.3 to 2 times as long in software. */
const tile = 8;

/** Indices wanted at least, so that a GPU has work for all of its units. */
const wanted = 1 << 14;
const workgroup = 64;

export const conv2dBackpropFilter: FastKernel = (inputs, attributes, backend: WebgpuBackend) => {
  const { x, dy } = inputs as { x: TensorInfo; dy: TensorInfo };
  const { filterShape } = attributes as { filterShape: number[] };
  const conv = convNumbers(x.shape, filterShape, attributes);
  if (!conv || !backend.runWebGPUProgram || !allFloat32(x, dy)) return undefined;
  const { n, kh, kw, c, o, oh } = conv;
  const tiles = kh * kw * Math.ceil(c / tile) * Math.ceil(o / tile);
  const shares = Math.min(n * oh, Math.ceil(wanted / tiles));
  const program = programOf(conv, tiles, shares);
  const shareLines = Math.ceil((n * oh) / shares);
  const parts = backend.runWebGPUProgram(program, [x, dy], 'float32', uniformsOf(conv, shareLines));
  if (shares === 1) return { ...parts, shape: [...filterShape] };
  const total = backend.runWebGPUProgram(sumProgram(kh * kw * c * o), [parts], 'float32', [
    { type: 'int32', data: [shares] },
  ]);
  backend.disposeData(parts.dataId);
  return { ...total, shape: [...filterShape] };
};

/** tfjs' own sum gives every output a workgroup of its own, for what is here a few terms. */
const sumProgram = (size: number): Program => ({
  outputShape: [size],
  workgroupSize: [workgroup, 1, 1],
  dispatchLayout: { x: [0] },
  dispatch: dispatchOf(size),
  variableNames: ['parts'],
  uniforms: 'shares : i32, ',
  shaderKey: 'tfkitSumOfShares',
  size: true,
  getUserCode: () => `
    fn main(index : i32) {
      if (index >= uniforms.size) { return; }
      var total = parts[index];
      for (var share = 1; share < uniforms.shares; share++) { total += parts[share * uniforms.size + index]; }
      result[index] = total;
    }`,
});

/** WebGPU allows so many workgroups along one axis. */
const groupsPerAxis = 65535;

function dispatchOf(indices: number): [number, number, number] {
  const groups = Math.ceil(indices / workgroup);
  const across = Math.min(groups, groupsPerAxis);
  return [across, Math.ceil(groups / across), 1];
}

const names = [
  'kernelWidth',
  'strideH',
  'strideW',
  'dilationH',
  'dilationW',
  'top',
  'left',
  'lines',
  'share',
] as const;

function uniformsOf(conv: ConvNumbers, shareLines: number): Uniform[] {
  const { n, oh, kw, sh, sw, dh, dw, top, left } = conv;
  return [kw, sh, sw, dh, dw, top, left, n * oh, shareLines].map((value) => ({
    type: 'int32',
    data: [value],
  }));
}

function programOf({ kh, kw, c, o }: ConvNumbers, tiles: number, shares: number): Program {
  const [xFours, dyFours] = [c % 4 === 0, o % 4 === 0];
  return {
    outputShape: [shares, kh * kw, c, o],
    outputComponent: dyFours ? 4 : 1,
    workgroupSize: [workgroup, 1, 1],
    dispatchLayout: { x: [0] },
    dispatch: dispatchOf(tiles * shares),
    variableNames: ['x', 'dy'],
    variableComponents: [xFours ? 4 : 1, dyFours ? 4 : 1],
    uniforms: names.map((name) => `${name} : i32, `).join(''),
    shaderKey: `tfkitConv2DBackpropFilter_${xFours}_${dyFours}`,
    getUserCode: () => code(xFours, dyFours),
  };
}

const list = <T>(length: number, make: (i: number) => T) => Array.from({ length }, (_, i) => make(i));
const lines = (length: number, make: (i: number) => string) => list(length, make).join('\n');
const letters = ['x', 'y', 'z', 'w'];

/** Four channels. Reads beyond the last one fall into rows and columns of the tile that are not stored. */
const four = (name: string, at: string, i: number, fours: boolean) =>
  fours
    ? `${name}[${at} + ${i}]`
    : `vec4<f32>(${list(4, (k) => `${name}[${at} + ${4 * i + k}]`).join(', ')})`;

/** Stores four columns of a row of the tile, as far as there are such output channels. */
const store = (row: number, column: number, fours: boolean) =>
  fours
    ? `if (outFrom + ${column} < columns) { result[at + ${column}] = t${row}_${column}; }`
    : lines(4, (k) => {
        const at = 4 * column + k;
        return `if (outFrom + ${at} < columns) { result[at + ${at}] = t${row}_${column}.${letters[k]}; }`;
      });

function code(xFours: boolean, dyFours: boolean): string {
  const perX = xFours ? 4 : 1;
  const perDy = dyFours ? 4 : 1;
  const eachCell = (make: (row: number, column: number) => string) =>
    lines((tile * tile) / 4, (i) => make(i >> 1, i & 1));
  return `
    fn main(index : i32) {
      let inputs = uniforms.xShape.w;
      let xColumns = inputs / ${perX};
      let columns = uniforms.dyShape.w / ${perDy};
      let rowTiles = (inputs + ${tile - 1}) / ${tile};
      let columnTiles = (uniforms.dyShape.w + ${tile - 1}) / ${tile};
      let taps = uniforms.outShape.y;
      let outFrom = (index % columnTiles) * ${tile / perDy};
      let inFrom = ((index / columnTiles) % rowTiles) * ${tile};
      let tap = (index / columnTiles / rowTiles) % taps;
      let share = index / columnTiles / rowTiles / taps;
      if (share >= uniforms.outShape.x) { return; }
      let ky = tap / uniforms.kernelWidth;
      let shiftY = ky * uniforms.dilationH - uniforms.top;
      let shiftX = (tap - ky * uniforms.kernelWidth) * uniforms.dilationW - uniforms.left;
      // The columns of dy whose tap lies inside x.
      let first = max(0, (uniforms.strideW - 1 - shiftX) / uniforms.strideW);
      let reach = uniforms.xShape.z - 1 - shiftX;
      let last = select(min(uniforms.dyShape.z, reach / uniforms.strideW + 1), 0, reach < 0);
      ${eachCell((row, column) => `var t${row}_${column} = vec4<f32>(0.0);`)}
      let end = min(uniforms.lines, (share + 1) * uniforms.share);
      for (var line = share * uniforms.share; line < end; line++) {
        let image = line / uniforms.dyShape.y;
        let iy = (line - image * uniforms.dyShape.y) * uniforms.strideH + shiftY;
        if (iy < 0 || iy >= uniforms.xShape.y) { continue; }
        let row = (image * uniforms.xShape.y + iy) * uniforms.xShape.z;
        var xAt = (row + first * uniforms.strideW + shiftX) * xColumns + inFrom / ${perX};
        var dyAt = (line * uniforms.dyShape.z + first) * columns + outFrom;
        for (var ox = first; ox < last; ox++) {
          ${lines(2, (i) => `let a${i} = ${four('x', 'xAt', i, xFours)};`)}
          ${lines(2, (i) => `let b${i} = ${four('dy', 'dyAt', i, dyFours)};`)}
          ${eachCell((row, column) => {
            const factor = `a${row >> 2}.${letters[row & 3]}`;
            return `t${row}_${column} = fma(vec4<f32>(${factor}), b${column}, t${row}_${column});`;
          })}
          xAt += uniforms.strideW * xColumns;
          dyAt += columns;
        }
      }
      let base = ((share * taps + tap) * inputs + inFrom) * columns + outFrom;
      ${lines(
        tile,
        (row) => `if (inFrom + ${row} < inputs) {
        let at = base + ${row} * columns;
        ${lines(2, (column) => store(row, column, dyFours))}
      }`,
      )}
    }`;
}
