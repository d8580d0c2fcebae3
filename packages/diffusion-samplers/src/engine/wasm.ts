/** The SIMD module: registers live in its memory, and all combines between two model calls run in one pass. */
import { wasmCode } from './wasmCode';

interface Combine {
  readonly output: ArrayBufferView;
  readonly coefficients: readonly number[];
  readonly operands: readonly ArrayBufferView[];
}

export interface WasmMemory {
  register(index: number): Float32Array;
  /** False if a result is not finite. */
  run(combines: readonly Combine[]): boolean;
  /** Lets another run have the memory. */
  release(): void;
}

interface Instance {
  readonly memory: WebAssembly.Memory;
  readonly run: (program: number, combines: number, bytes: number) => number;
}

/** Where the programs are written; registers come after. */
const programBytes = 65536;

let compiled: WebAssembly.Module | null | undefined;
/** Memories that no run uses: one is kept, so that runs one after the other do not allocate. */
const idle: Instance[] = [];

/** A memory for registers of `size` floats, or undefined where there is no SIMD or a policy forbids wasm. */
export function acquire(size: number, registers: number): WasmMemory | undefined {
  const instance = idle.pop() ?? instantiate();
  if (!instance) return undefined;
  const bytes = Math.ceil(size / 8) * 32;
  // Not a multiple of a large power of two, or all registers would compete for the same lines of the cache.
  const stride = bytes + 320;
  const { memory } = instance;
  const missing = programBytes + registers * stride - memory.buffer.byteLength;
  try {
    if (missing > 0) memory.grow(Math.ceil(missing / 65536));
  } catch {
    return undefined;
  }
  const { buffer } = memory;
  const words = new Uint32Array(buffer, 0, programBytes / 4);
  const floats = new Float32Array(buffer, 0, programBytes / 4);
  return {
    register(index) {
      const start = programBytes + index * stride;
      return new Float32Array(buffer, start, bytes / 4).fill(0, size).subarray(0, size);
    },
    run(combines) {
      let at = 0;
      for (const { output, coefficients, operands } of combines) {
        // Two terms or more: 0 times the first is the second of one.
        const count = Math.max(2, operands.length);
        words[at++] = count;
        words[at++] = output.byteOffset;
        for (let k = 0; k < count; k++) {
          words[at++] = (operands[k] ?? operands[0]!).byteOffset;
          floats[at++] = coefficients[k] ?? 0;
        }
      }
      return !instance.run(0, combines.length, bytes);
    },
    release: () => {
      if (idle.length === 0) idle.push(instance);
    },
  };
}

function instantiate(): Instance | undefined {
  if (compiled === undefined) compiled = compile();
  if (!compiled) return undefined;
  const memory = new WebAssembly.Memory({ initial: 1 });
  const { exports } = new WebAssembly.Instance(compiled, { env: { memory } });
  return { memory, run: exports.run as Instance['run'] };
}

/** Synchronous: the module is far below the 4 kB that browsers allow on the main thread. */
function compile(): WebAssembly.Module | null {
  try {
    return new WebAssembly.Module(Uint8Array.from(atob(wasmCode), (character) => character.charCodeAt(0)));
  } catch {
    return null;
  }
}
