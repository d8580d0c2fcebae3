/**
 * `bandwidth.mjs <MiB> <repetitions>`: milliseconds in which every rank at once moves, by a copy loop in wasm, as many bytes
 * as its part of an all-reduce of so many MiB on 2 ranks does: reads of both slots and writes of the result, of one half.
 */
import { initProcessGroup } from '@tfkit/ddp';
import { module } from '@tfkit/ddp/kernels/wasm-module';

const [mib, repetitions] = process.argv.slice(2).map(Number);
const group = await initProcessGroup();
// Reads of 2 x 1/2 and writes of 1/2: a copy of 3/4 of the bytes.
const bytes = mib * 2 ** 20 * 0.75;
const memory = new WebAssembly.Memory({
  initial: Math.ceil((2 * bytes) / 65536),
  maximum: 65536,
  shared: true,
});
const { exports } = new WebAssembly.Instance(new WebAssembly.Module(Buffer.from(module, 'base64')), {
  env: { memory },
});
new Uint8Array(memory.buffer).fill(1);
const times = [];
for (let i = 0; i < repetitions; i++) {
  group.sync.barrier();
  const start = performance.now();
  // A reduction over one slot is a loop of 128-bit loads and stores.
  exports.reduce(0, 0, 0, bytes, 0, 1, bytes / 4, 1);
  times.push(performance.now() - start);
}
times.sort((a, b) => a - b);
const all = group.sync.allGather(Float64Array.of(times[times.length >> 1]));
if (group.rank === 0) console.log(JSON.stringify({ copy: Math.max(...all.map(([time]) => time)), bytes }));
