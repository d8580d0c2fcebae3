/** The module of `assembly/`, instantiated once for each wasm backend on that backend's own memory. */
import { plain, shared } from '@tfkit/core/kernels/wasm-module';
import { type WasmModule as Module, moduleOn, type Pointer, type WasmBackend } from '../wasm-memory';

export { forgetPrepared, pointerOf, type WasmBackend, withScratch } from '../wasm-memory';

/** What `assembly/index.ts` exports. */
interface Exports {
  pack(
    from: Pointer,
    to: Pointer,
    taps: number,
    depth: number,
    columns: number,
    tapStride: number,
    depthStride: number,
    columnStride: number,
  ): void;
  transpose(
    from: Pointer,
    fromStride: number,
    to: Pointer,
    toStride: number,
    rows: number,
    columns: number,
  ): void;
  transposeImage(from: Pointer, to: Pointer, lines: number, w: number, c: number, stride: number): void;
  convScratch(taps: number, rows: number, depth: number): number;
  filterScratch(ow: number, c: number): number;
  conv2d(...numbers: number[]): void;
  conv2dBackpropInput(...numbers: number[]): void;
  conv2dBackpropFilter(...numbers: number[]): void;
  depthwiseBackpropInput(...numbers: number[]): void;
  depthwiseBackpropFilter(...numbers: number[]): void;
  spread(from: Pointer, to: Pointer, size: number, times: number): void;
  sumAdjacent(from: Pointer, to: Pointer, size: number, times: number): void;
  gemmScratch(): number;
  gemm(
    a: Pointer,
    panels: Pointer,
    out: Pointer,
    rows: number,
    depth: number,
    columns: number,
    scratch: Pointer,
  ): void;
  addBias(x: Pointer, bias: Pointer, rows: number, columns: number, low: number, high: number): void;
  linearCombination(
    pointers: Pointer,
    coefficients: Pointer,
    count: number,
    out: Pointer,
    size: number,
  ): void;
  adam(
    p: Pointer,
    m: Pointer,
    v: Pointer,
    g: Pointer,
    size: number,
    beta1: number,
    beta2: number,
    stepSize: number,
    inverseCorrection2: number,
    epsilon: number,
  ): void;
  exp(x: Pointer, out: Pointer, size: number): void;
  sumAxis(x: Pointer, out: Pointer, outer: number, reduced: number, inner: number, scale: number): void;
  segmentSum(x: Pointer, ids: Pointer, out: Pointer, rows: number, width: number, segments: number): void;
}

export type WasmModule = Module<Exports>;

/** The module on a backend's memory; undefined if this build of tfjs hides it or the page forbids compilation. */
export const moduleFor = (backend: WasmBackend): WasmModule | undefined =>
  moduleOn<Exports>(backend, { plain, shared });

/** Bytes of a matrix packed for the kernels: panels of 8 columns. */
export const packedBytes = (steps: number, columns: number): number => steps * Math.ceil(columns / 8) * 32;
