/** The kernels of `assembly/` on a memory. */
import { module } from '@tfkit/ddp/kernels/wasm-module';
import type { Halves, Reducer } from './memory';

type Kernel = (...numbers: number[]) => void;

/** A reducer over offsets into `memory`, which must be shared. */
export function createKernels(memory: WebAssembly.Memory): Reducer {
  const compiled = new WebAssembly.Module(Buffer.from(module, 'base64'));
  const { exports } = new WebAssembly.Instance(compiled, { env: { memory } });
  const kernels = exports as unknown as Record<string, Kernel>;
  const kernel = (name: string): Kernel => kernels[name]!;
  const suffix = (format: Halves) => (format === 'fp16' ? 'Float16' : 'Bfloat16');
  return {
    reduce: kernel('reduce'),
    encode: (format, to, from, count) => kernel(`encode${suffix(format)}`)(to, from, count),
    reduceHalves: (format, out, slots, stride, ranks, count, scale) =>
      kernel(`reduce${suffix(format)}`)(out, slots, stride, ranks, count, scale),
  };
}
