/** Small reductions for a minute. */
import { initProcessGroup } from '@tfkit/ddp';

const group = await initProcessGroup();
for (let step = 0; step < 1200; step++) {
  group.sync.allReduce(Float32Array.of(step));
  if (step === 10) console.log(`rank ${group.rank} is at work`);
  await new Promise((resolve) => setTimeout(resolve, 50));
}
