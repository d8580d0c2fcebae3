/** Every collective, on data that depends on the rank. */
export const types = {
  Float32Array,
  Float64Array,
  Int32Array,
  Uint32Array,
  Int16Array,
  Uint16Array,
  Int8Array,
  Uint8Array,
};

/** The numbers of a rank: small integers, so that sums are exact in every type. */
export function numbersOf(name, rank, length) {
  const signed = !name.startsWith('U');
  return types[name].from({ length }, (_, i) => ((i * 7 + rank * 13) % 23) - (signed ? 11 : 0));
}

export const lengths = [0, 1, 15, 64, 1001];

export default async function run(group, { long }) {
  const { sync, rank, size } = group;
  const results = { reduced: {}, parts: {}, gathered: {}, sent: {} };
  for (const name of Object.keys(types)) {
    const ops = name.startsWith('Float') ? ['sum', 'max', 'min', 'mean'] : ['sum', 'max', 'min'];
    for (const op of ops) {
      for (const length of lengths) {
        const data = numbersOf(name, rank, length);
        results.reduced[`${name} ${op} ${length}`] = await group.allReduce(data, op);
        sync.allReduceInPlace(data, op);
        if (op === 'max') results.reduced[`${name} inPlace ${length}`] = data;
      }
      results.parts[`${name} ${op}`] = sync.reduceScatter(numbersOf(name, rank, 5 * size), op);
    }
    results.gathered[name] = await group.allGather(numbersOf(name, rank, 3 * rank));
    results.sent[name] = sync.broadcast(numbersOf(name, rank, 9), size - 1);
  }
  // Beyond one staging slot.
  const longData = Float32Array.from({ length: long }, (_, i) => (i % 1000) + rank);
  const sum = sync.allReduce(longData);
  results.long = [sum.length, sum.every((value, i) => value === size * (i % 1000) + (size * (size - 1)) / 2)];
  const longGather = sync.allGather(longData.subarray(0, long - rank * 1000));
  results.longGather = longGather.map((part, from) => [
    part.length,
    part.every((value, i) => value === (i % 1000) + from),
  ]);
  const sent = sync.broadcast(longData, 1);
  results.longSent = sent.every((value, i) => value === (i % 1000) + 1);
  const scattered = sync.reduceScatter(longData.subarray(0, size * 500_003), 'max');
  results.longPart = scattered.every((value, i) => value === ((rank * 500_003 + i) % 1000) + size - 1);

  // Some values of every kind: infinities, NaN, the largest, subnormal numbers of 16 bits.
  const special = Float32Array.of(
    0,
    -0,
    1,
    1.0009765625,
    65504,
    65520,
    1e30,
    -1e-7,
    6e-8,
    2 ** -25,
    Infinity,
    NaN,
  );
  results.halves = {};
  for (const compression of ['fp16', 'bf16']) {
    const buffer = group.allocate(special.length);
    // One rank alone has numbers: the sum is what became of them.
    buffer.local.set(rank === 0 ? special : new Float32Array(special.length).fill(-0));
    group.wait(group.start(buffer, { compression }));
    results.halves[compression] = buffer.result.slice();
  }
  const buffer = group.allocate(1000);
  buffer.local.fill(rank + 1);
  const pending = [
    group.start(buffer, { start: 0, count: 160 }),
    group.start(buffer, { start: 160, op: 'mean' }),
  ];
  for (const each of pending) group.wait(each);
  results.resident = [buffer.result[0], buffer.result[159], buffer.result[160], buffer.result[999]];
  buffer.local.fill(-rank);
  group.allReduceResident(buffer, { op: 'min' });
  results.residentMin = buffer.result[500];

  results.objects = [
    await group.gatherObject({ rank, text: 'a' }, 1),
    sync.allGatherObject(BigInt(rank) * 2n),
    await group.broadcastObject(rank === 2 ? new Map([[1, 'x']]) : undefined, 2),
  ];
  await group.barrier();
  sync.barrier({ timeout: 30_000 });
  return results;
}
