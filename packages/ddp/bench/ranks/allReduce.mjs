/** `allReduce.mjs <MiB> <repetitions>`: milliseconds of rank 0, resident in the shared memory and of private arrays. */
import { initProcessGroup } from '@tfkit/ddp';

const [mib, repetitions] = process.argv.slice(2).map(Number);
const group = await initProcessGroup();
const length = mib * 2 ** 18;
const source = Float32Array.from({ length }, (_, i) => (i % 977) / 977 + group.rank);
const own = new Float32Array(length);
const buffer = group.allocate(length);

const median = (times) => times.sort((a, b) => a - b)[times.length >> 1];
const time = (fill, work) => {
  const times = [];
  for (let i = 0; i < repetitions + 2; i++) {
    fill();
    group.sync.barrier();
    const start = performance.now();
    work();
    if (i > 1) times.push(performance.now() - start);
  }
  return median(times);
};
const resident = time(
  () => buffer.local.set(source),
  () => group.allReduceResident(buffer),
);
const privately = time(
  () => own.set(source),
  () => group.sync.allReduceInPlace(own),
);
const identical = group.sync
  .allGather(own.subarray(0, 1024))
  .every((part) => part.every((value, i) => value === own[i]));
if (group.rank === 0) console.log(JSON.stringify({ resident, private: privately, identical }));
