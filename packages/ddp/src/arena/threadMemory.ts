/** The memory of ranks that are threads: one shared WebAssembly.Memory, on which the kernels work without a copy. */
import { createKernels } from './kernels';
import { initialBytes, pageBytes, pages, writeHeader } from './layout';
import type { SharedMemory } from './memory';

const maxPages = 65536;

/** A new memory for a group; the parent makes it and hands it to its workers. */
export function createThreadMemory(size: number): WebAssembly.Memory {
  const memory = new WebAssembly.Memory({
    initial: pages(initialBytes(size)),
    maximum: maxPages,
    shared: true,
  });
  writeHeader(new Int32Array(memory.buffer), size);
  return memory;
}

export function openThreadMemory(memory: WebAssembly.Memory): SharedMemory {
  const words = new Int32Array(memory.buffer);
  return {
    words,
    view: (type, offset, length) => new type(memory.buffer, offset, length),
    grow: (bytes) => {
      const missing = pages(bytes) - memory.buffer.byteLength / pageBytes;
      if (missing <= 0) return;
      try {
        memory.grow(missing);
      } catch {
        throw new RangeError(
          `the arena of threads holds 4 GiB at most, ${(bytes / 2 ** 30).toFixed(2)} GiB were asked for. ` +
            'Train with fewer ranks (it keeps size + 1 copies of the gradients), or with the backend processes.',
        );
      }
    },
    wait: (index, value, milliseconds) => void Atomics.wait(words, index, value, milliseconds),
    notify: (index) => void Atomics.notify(words, index),
    reducer: createKernels(memory),
    handle: { kind: 'threads', memory },
    close: () => {},
  };
}
