/** Work that goes on until one rank fails at a given step, in a given way. */
export const faults = {
  throws: () => {
    throw new TypeError('boom');
  },
  exits: () => process.exit(3),
  hangs: () => {
    for (;;);
  },
  'runs out of heap': () => {
    const hoard = [];
    for (;;) hoard.push(new Array(1e5).fill(0.5));
  },
  // By the parent, which is told.
  'is terminated': async (tell) => {
    tell();
    await new Promise(() => {});
  },
  'calls something else': (_, group) => group.sync.broadcast(new Int32Array(2)),
  'leaves early': () => 'left',
};

export default async function work(group, { fault, bad, step, steps }) {
  const { parentPort } = await import('node:worker_threads');
  const buffer = group.allocate(5000);
  for (let at = 0; at < steps; at++) {
    if (group.rank === bad && at === step) {
      const outcome = await faults[fault](() => parentPort.postMessage('terminate me'), group);
      if (outcome === 'left') return;
    }
    buffer.local.fill(at);
    group.wait(group.start(buffer));
    group.sync.allReduce(Float32Array.of(at));
    await new Promise((resolve) => setImmediate(resolve));
  }
}
