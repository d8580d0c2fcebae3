/**
 * The memory of ranks that are processes: one file in /dev/shm (or the temporary folder), mapped by each. WebAssembly
 * cannot address it, so the kernels work on blocks copied through a small memory of their own.
 */
import { closeSync, ftruncateSync, openSync, renameSync, statfsSync, unlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createKernels } from '../arena/kernels';
import { headerBytes, initialBytes, pageBytes, word, writeHeader } from '../arena/layout';
import type { Reducer, SharedMemory } from '../arena/memory';
import { types } from '../arena/types';
import { loadNative, type Native } from './native';

interface Segment {
  readonly start: number;
  readonly end: number;
  readonly buffer: ArrayBuffer;
}

/** The path for the shared file of the job `id`: in /dev/shm if that has room, else in the temporary folder. */
export function sharedPath(id: string, bytes: number): string {
  const name = `tfkit-ddp-${id}`;
  if (process.platform !== 'linux') return join(tmpdir(), name);
  try {
    const { bavail, bsize } = statfsSync('/dev/shm');
    // Containers often give it 64 MB; a write beyond would kill the process.
    if (bavail * bsize > Math.max(2 ** 30, 4 * bytes)) return join('/dev/shm', name);
  } catch {}
  return join(tmpdir(), name);
}

/** Creates the file with its header, whole or not at all. The caller removes it. */
export function createShared(path: string, size: number): void {
  const temporary = `${path}.${process.pid}`;
  const fd = openSync(temporary, 'wx+', 0o600);
  try {
    ftruncateSync(fd, initialBytes(size));
    writeHeader(new Int32Array(loadNative().map(fd, headerBytes(size), 0)), size);
    renameSync(temporary, path);
  } catch (error) {
    unlinkSync(temporary);
    throw error;
  } finally {
    closeSync(fd);
  }
}

export function openShared(path: string): SharedMemory {
  const native = loadNative();
  const fd = openSync(path, 'r+');
  const segments: Segment[] = [];
  const map = (end: number) => {
    const start = segments.at(-1)?.end ?? 0;
    segments.push({ start, end, buffer: native.map(fd, end - start, start) });
  };
  map(pageBytes);
  const size = new Int32Array(segments[0]!.buffer)[word.size]!;
  // The header is one segment, whatever its length.
  segments.length = 0;
  map(initialBytes(size));
  const words = new Int32Array(segments[0]!.buffer);
  const view: SharedMemory['view'] = (type, offset, length) => {
    const end = offset + length * type.BYTES_PER_ELEMENT;
    if (end > segments.at(-1)!.end) map(Atomics.load(words, word.end) * pageBytes);
    const segment = segments.find((candidate) => end <= candidate.end)!;
    return new type(segment.buffer, offset - segment.start, length);
  };
  return {
    words,
    view,
    grow: (bytes) => ftruncateSync(fd, bytes),
    ...sleeper(native, words),
    isAlive,
    reducer: copyingReducer(view),
    // The name is removed as soon as all ranks have opened the file; the descriptor stays.
    handle: {
      kind: 'processes',
      path: process.platform === 'linux' ? `/proc/${process.pid}/fd/${fd}` : path,
    },
    close: () => closeSync(fd),
  };
}

function sleeper(native: Native, words: Int32Array): Pick<SharedMemory, 'wait' | 'notify'> {
  const { futexWait, futexWake } = native;
  if (futexWait && futexWake) {
    return {
      wait: (index, value, milliseconds) => futexWait(words.subarray(index, index + 1), value, milliseconds),
      notify: (index) => futexWake(words.subarray(index, index + 1)),
    };
  }
  // Without a futex: sleep a little and look again.
  const pause = new Int32Array(new SharedArrayBuffer(4));
  return { wait: () => void Atomics.wait(pause, 0, 0, 0.1), notify: () => {} };
}

/** Whether a process is there; a zombie, which waits for its parent, is not. */
function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** The kernels on blocks that are copied in and out of a private memory. */
function copyingReducer(view: SharedMemory['view']): Reducer {
  const blockBytes = 2 ** 18;
  const memory = new WebAssembly.Memory({ initial: 2, maximum: 65536, shared: true });
  let kernels: Reducer | undefined;
  const reserve = (bytes: number) => {
    const missing = Math.ceil(bytes / pageBytes) - memory.buffer.byteLength / pageBytes;
    if (missing > 0) memory.grow(missing);
    kernels ??= createKernels(memory);
    return kernels;
  };
  const bytesAt = (offset: number, length: number) => view(Uint8Array, offset, length);
  const local = (offset: number, length: number) => new Uint8Array(memory.buffer, offset, length);

  /** Calls `work` per block of at most `blockBytes` bytes: element offset, count. */
  const blocks = (count: number, bytes: number, work: (start: number, length: number) => void) => {
    const step = blockBytes / bytes;
    for (let start = 0; start < count; start += step) work(start, Math.min(step, count - start));
  };
  const gather = (slots: number, stride: number, ranks: number, at: number, length: number) => {
    for (let rank = 0; rank < ranks; rank++) {
      local((rank + 1) * blockBytes, length).set(bytesAt(slots + rank * stride + at, length));
    }
  };

  return {
    reduce(type, operation, out, slots, stride, ranks, count, scale) {
      const run = reserve((ranks + 1) * blockBytes);
      const bytes = types[type]!.array.BYTES_PER_ELEMENT;
      blocks(count, bytes, (start, length) => {
        gather(slots, stride, ranks, start * bytes, length * bytes);
        run.reduce(type, operation, 0, blockBytes, blockBytes, ranks, length, scale);
        bytesAt(out + start * bytes, length * bytes).set(local(0, length * bytes));
      });
    },
    encode(format, to, from, count) {
      const run = reserve(blockBytes);
      blocks(count, 4, (start, length) => {
        local(0, length * 4).set(bytesAt(from + start * 4, length * 4));
        run.encode(format, 0, 0, length);
        bytesAt(to + start * 2, length * 2).set(local(0, length * 2));
      });
    },
    reduceHalves(format, out, slots, stride, ranks, count, scale) {
      const run = reserve((ranks + 1) * blockBytes);
      blocks(count, 4, (start, length) => {
        gather(slots, stride, ranks, start * 2, length * 2);
        run.reduceHalves(format, 0, blockBytes, blockBytes, ranks, length, scale);
        bytesAt(out + start * 4, length * 4).set(local(0, length * 4));
      });
    },
  };
}
