/** The module of `assembly/`, instantiated once for each wasm backend on that backend's own memory. */
import type * as tf from '@tensorflow/tfjs-core';
import { plain, shared } from '@tfkit/core/kernels/wasm-module';

type Pointer = number;

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

/** The internals of tfjs-backend-wasm 4.22 that are used here; `moduleFor` tests that they are there. */
export interface WasmBackend {
  readonly wasm: {
    readonly wasmMemory?: WebAssembly.Memory;
    readonly asm?: { readonly memory?: WebAssembly.Memory };
    readonly tfjs?: {
      getThreadsCount?(): number;
      registerTensor?(id: number, size: number, pointer: Pointer): void;
      disposeData?(id: number): void;
    };
    _malloc(bytes: number): number;
    _free(pointer: number): void;
  };
  readonly dataIdMap: { get(dataId: object): { id: number; memoryOffset: number } };
  makeOutput(shape: readonly number[], dtype: tf.DataType): tf.TensorInfo;
  refCount(dataId: object): number;
  incRef(dataId: object): void;
}

export interface WasmModule {
  readonly exports: Exports;
  readonly memory: WebAssembly.Memory;
  /** More than 1 where tfjs' own kernels run on several threads; these here always run on one. */
  readonly threads: number;
}

const modules = new WeakMap<WasmBackend, WasmModule | undefined>();

/** The module on a backend's memory; undefined if this build of tfjs hides it or the page forbids compilation. */
export function moduleFor(backend: WasmBackend): WasmModule | undefined {
  if (!modules.has(backend)) modules.set(backend, instantiate(backend));
  return modules.get(backend);
}

function instantiate({ wasm, dataIdMap, makeOutput }: WasmBackend): WasmModule | undefined {
  const memory = wasm?.wasmMemory ?? wasm?.asm?.memory;
  const complete =
    memory instanceof WebAssembly.Memory &&
    [wasm._malloc, wasm._free, makeOutput, dataIdMap?.get].every((part) => typeof part === 'function');
  if (!complete) return undefined;
  const isShared = !(memory.buffer instanceof ArrayBuffer);
  try {
    const bytes = Uint8Array.from(atob(isShared ? shared : plain), (character) => character.charCodeAt(0));
    const { exports } = new WebAssembly.Instance(new WebAssembly.Module(bytes), { env: { memory } });
    const threads = wasm.tfjs?.getThreadsCount?.() ?? 1;
    return { exports: exports as unknown as Exports, memory, threads };
  } catch {
    // A Content-Security-Policy without 'wasm-unsafe-eval', or a browser without SIMD: tfjs' own kernels remain.
    return undefined;
  }
}

export const pointerOf = (backend: WasmBackend, tensor: tf.TensorInfo): Pointer =>
  backend.dataIdMap.get(tensor.dataId).memoryOffset >>> 0;

/**
 * Drops what tfjs has prepared from a tensor for XNNPACK: products and convolutions with packed weights and a fixed
 * shape, which it finds again by the tensor's number alone. To be called where the same memory has new values or is seen
 * in another shape.
 */
export function forgetPrepared(backend: WasmBackend, { dataId, shape }: tf.TensorInfo): void {
  const { id, memoryOffset } = backend.dataIdMap.get(dataId);
  backend.wasm.tfjs?.disposeData?.(id);
  backend.wasm.tfjs?.registerTensor?.(
    id,
    shape.reduce((product, size) => product * size, 1),
    memoryOffset,
  );
}

/** Runs `body` with blocks of scratch memory of the given sizes, and frees them. */
export function withScratch<T>(
  backend: WasmBackend,
  bytes: readonly number[],
  body: (...pointers: Pointer[]) => T,
): T {
  // Each block starts on a multiple of 16 bytes.
  const sizes = bytes.map((size) => (size + 15) & ~15);
  const total = sizes.reduce((sum, size) => sum + size, 0);
  const start = backend.wasm._malloc(total) >>> 0;
  if (start === 0) throw new Error(`wasm: no memory left for ${total} bytes of scratch.`);
  try {
    let next = start;
    const pointers = sizes.map((size) => {
      next += size;
      return next - size;
    });
    return body(...pointers);
  } finally {
    backend.wasm._free(start);
  }
}

/** Bytes of a matrix packed for the kernels: panels of 8 columns. */
export const packedBytes = (steps: number, columns: number): number => steps * Math.ceil(columns / 8) * 32;
