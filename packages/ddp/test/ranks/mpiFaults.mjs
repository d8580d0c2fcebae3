/** `mpiFaults.mjs <fault> <rank>`: work over MPI until one rank fails in a given way; others print what they throw. */
import { writeSync } from 'node:fs';
import { initProcessGroup } from '@tfkit/ddp';

const [fault, bad] = process.argv.slice(2);
const group = await initProcessGroup({ timeout: fault === 'hangs' ? 2000 : 30_000 });
const faults = {
  throws: () => {
    throw new TypeError('boom');
  },
  exits: () => process.exit(3),
  'is killed': () => process.kill(process.pid, 'SIGKILL'),
  hangs: () => {
    for (;;);
  },
  'calls something else': () => group.sync.broadcast(new Int32Array(2)),
  'leaves early': () => process.exit(0),
};
const buffer = group.allocate(5000);
try {
  for (let step = 0; step < 40; step++) {
    buffer.local.fill(step);
    group.wait(group.start(buffer));
    if (step === 20 && group.rank === Number(bad)) faults[fault]();
    group.sync.allReduce(Float32Array.of(step));
  }
} catch (error) {
  writeSync(2, `caught on rank ${group.rank}: ${error.name}: ${error.message}\n`);
  throw error;
}
