/** What another package needs to bring wasm kernels of its own: a module of its binary on the memory of tfjs' backend. */
import type * as tf from '@tensorflow/tfjs-core';

/** A byte offset in the memory of tfjs' wasm backend. */
export type Pointer = number;

/** One module compiled twice, as base64: for a memory of one thread, and for the shared memory of tfjs' threaded build. */
export interface WasmBinaries {
  readonly plain: string;
  readonly shared: string;
}

/** The internals of tfjs-backend-wasm 4.22 that are used; `moduleOn` tests that they are there. */
export interface WasmBackend {
  readonly wasm: {
    readonly wasmMemory?: WebAssembly.Memory;
    readonly asm?: { readonly memory?: WebAssembly.Memory };
    readonly tfjs: {
      getThreadsCount?(): number;
      registerTensor(id: number, size: number, pointer: Pointer): void;
      disposeData(id: number): void;
    };
    _malloc(bytes: number): number;
    _free(pointer: number): void;
  };
  readonly dataIdMap: { get(dataId: object): { id: number; memoryOffset: number } };
  makeOutput(shape: readonly number[], dtype: tf.DataType): tf.TensorInfo;
  refCount(dataId: object): number;
  incRef(dataId: object): void;
}

/** A module instantiated on the memory of tfjs' wasm backend. */
export interface WasmModule<E> {
  readonly exports: E;
  readonly memory: WebAssembly.Memory;
  /** More than 1 where tfjs' own kernels run on several threads; these here always run on one. */
  readonly threads: number;
}

const modules = new WeakMap<WasmBackend, Map<string, WasmModule<unknown> | undefined>>();

/**
 * The module of these binaries on a backend's memory, instantiated once for each; undefined if this build of tfjs hides
 * its memory or the page forbids compilation. It must import `env.memory` and hold no static data.
 */
export function moduleOn<E>(backend: WasmBackend, binaries: WasmBinaries): WasmModule<E> | undefined {
  let known = modules.get(backend);
  if (!known) {
    known = new Map();
    modules.set(backend, known);
  }
  if (!known.has(binaries.plain)) known.set(binaries.plain, instantiate(backend, binaries));
  return known.get(binaries.plain) as WasmModule<E> | undefined;
}

function instantiate(
  { wasm, dataIdMap, makeOutput }: WasmBackend,
  { plain, shared }: WasmBinaries,
): WasmModule<unknown> | undefined {
  const memory = wasm?.wasmMemory ?? wasm?.asm?.memory;
  const complete =
    memory instanceof WebAssembly.Memory &&
    [
      wasm._malloc,
      wasm._free,
      makeOutput,
      dataIdMap?.get,
      wasm.tfjs?.registerTensor,
      wasm.tfjs?.disposeData,
    ].every((part) => typeof part === 'function');
  if (!complete) return undefined;
  const isShared = !(memory.buffer instanceof ArrayBuffer);
  try {
    const bytes = Uint8Array.from(atob(isShared ? shared : plain), (character) => character.charCodeAt(0));
    const { exports } = new WebAssembly.Instance(new WebAssembly.Module(bytes), { env: { memory } });
    const threads = wasm.tfjs.getThreadsCount?.() ?? 1;
    return { exports, memory, threads };
  } catch {
    // A Content-Security-Policy without 'wasm-unsafe-eval', or a browser without SIMD: tfjs' own kernels remain.
    return undefined;
  }
}

/**
 * Where a tensor's values lie in the memory of tfjs' wasm backend: a byte offset, valid for the tensor's length until
 * the next allocation.
 */
export const pointerOf = (backend: WasmBackend, tensor: tf.TensorInfo): Pointer =>
  backend.dataIdMap.get(tensor.dataId).memoryOffset >>> 0;

/**
 * Drops what tfjs has prepared from a tensor for XNNPACK: products and convolutions with packed weights and a fixed
 * shape, which it finds again by the tensor's number alone. To be called where the same memory has new values or is seen
 * in another shape.
 */
export function forgetPrepared(backend: WasmBackend, { dataId, shape }: tf.TensorInfo): void {
  const { id, memoryOffset } = backend.dataIdMap.get(dataId);
  const { tfjs } = backend.wasm;
  tfjs.disposeData(id);
  tfjs.registerTensor(
    id,
    shape.reduce((product, size) => product * size, 1),
    memoryOffset,
  );
}

/**
 * Runs `body` with blocks of scratch memory of the given sizes, and frees them.
 *
 * @throws Error if the input is not as described.
 */
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
