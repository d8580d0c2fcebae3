import { beforeAll, describe, expect, it } from 'vitest';
import { initProcessGroup, spawn } from '../src/index';
import { rankFile, timeout } from './ranks';
import { lengths, numbersOf, types } from './ranks/collectives.mjs';

type Numbers = ArrayLike<number> & Iterable<number>;
interface Results {
  reduced: Record<string, Numbers>;
  parts: Record<string, Numbers>;
  gathered: Record<string, Numbers[]>;
  sent: Record<string, Numbers>;
  halves: Record<'fp16' | 'bf16', Float32Array>;
  objects: [unknown[] | undefined, bigint[], Map<number, string>];
  [other: string]: unknown;
}

const size = 3;
const long = 2_500_000;
const ranks = Array.from({ length: size }, (_, rank) => rank);

/** The reduction element by element, in rank order. */
function reduced(name: string, op: string, length: number): number[] {
  const all = ranks.map((rank) => Array.from(numbersOf(name, rank, length) as Numbers));
  return Array.from({ length }, (_, i) => {
    const values = all.map((part) => part[i]!);
    if (op === 'max') return Math.max(...values);
    if (op === 'min') return Math.min(...values);
    const sum = values.reduce((a, b) => a + b, 0);
    return op === 'sum'
      ? sum
      : Number(name === 'Float32Array' ? Math.fround(sum * Math.fround(1 / size)) : sum * (1 / size));
  });
}

describe('collectives of 3 ranks', () => {
  let results: Results[];
  beforeAll(async () => {
    results = (await spawn(rankFile('collectives'), size, { args: [{ long }], timeout })) as Results[];
  });

  for (const name of Object.keys(types)) {
    it(`reduce, gather and send ${name}, whatever the length`, () => {
      const ops = name.startsWith('Float') ? ['sum', 'max', 'min', 'mean'] : ['sum', 'max', 'min'];
      for (const [rank, result] of results.entries()) {
        for (const op of ops) {
          for (const length of lengths) {
            const found = result.reduced[`${name} ${op} ${length}`]!;
            expect(found.constructor.name).toBe(name);
            expect(Array.from(found)).toEqual(reduced(name, op, length));
          }
          const whole = reduced(name, op, 5 * size);
          expect(Array.from(result.parts[`${name} ${op}`]!)).toEqual(whole.slice(rank * 5, rank * 5 + 5));
        }
        expect(result.reduced[`${name} inPlace 1001`]).toEqual(result.reduced[`${name} max 1001`]);
        expect(result.gathered[name]).toEqual(ranks.map((from) => numbersOf(name, from, 3 * from)));
        expect(result.sent[name]).toEqual(numbersOf(name, size - 1, 9));
      }
    });
  }

  it('move arrays that are longer than a staging slot', () => {
    for (const result of results) {
      expect(result.long).toEqual([long, true]);
      expect(result.longGather).toEqual(ranks.map((rank) => [long - rank * 1000, true]));
      expect([result.longSent, result.longPart]).toEqual([true, true]);
    }
  });

  it('round to float16 and bfloat16, to nearest and ties to even', () => {
    const { fp16, bf16 } = results[0]!.halves;
    const expected16 = [
      0,
      -0,
      1,
      1.0009765625,
      65504,
      Infinity,
      Infinity,
      -1.1920928955078125e-7,
      2 ** -24,
      0,
      Infinity,
      NaN,
    ];
    // The other ranks add -0: the sign of a zero sum is that of +0 + -0.
    expect(Array.from(fp16, (value) => value + 0)).toEqual(expected16.map((value) => value + 0));
    const asBf16 = (value: number) => {
      const word = new Uint32Array(Float32Array.of(value).buffer);
      word[0] = (word[0]! + 0x7fff + ((word[0]! >>> 16) & 1)) & 0xffff0000;
      return new Float32Array(word.buffer)[0]! + 0;
    };
    const special = [0, -0, 1, 1.0009765625, 65504, 65520, 1e30, -1e-7, 6e-8, 2 ** -25, Infinity];
    expect(Array.from(bf16.subarray(0, 11), (value) => value + 0)).toEqual(special.map(asBf16));
    expect(bf16[11]).toBeNaN();
    for (const result of results) expect(result.halves).toEqual(results[0]!.halves);
  });

  it('reduce parts of a buffer where they lie', () => {
    for (const result of results) {
      expect(result.resident).toEqual([6, 6, 2, 2]);
      expect(result.residentMin).toBe(-2);
    }
  });

  it('carry objects', () => {
    const gathered = ranks.map((rank) => ({ rank, text: 'a' }));
    expect(results.map(({ objects }) => objects[0])).toEqual([undefined, gathered, undefined]);
    for (const { objects } of results) {
      expect(objects[1]).toEqual([0n, 2n, 4n]);
      expect(objects[2]).toEqual(new Map([[1, 'x']]));
    }
  });
});

describe('the group of one', () => {
  it('is what a program has that was started alone', async () => {
    const group = await initProcessGroup();
    expect([group.backend, group.rank, group.size]).toEqual(['single', 0, 1]);
    expect(await initProcessGroup()).toBe(group);
    expect(await group.allReduce(Float32Array.of(2), 'mean')).toEqual(Float32Array.of(2));
    expect(await group.gatherObject('x')).toEqual(['x']);
    const buffer = group.allocate(4);
    buffer.local.fill(3);
    group.wait(group.start(buffer));
    expect(Array.from(buffer.result)).toEqual([3, 3, 3, 3]);
  });

  it('checks arguments as larger groups do', async () => {
    const { sync } = await initProcessGroup();
    expect(() => sync.allReduce(Float32Array.of(1), 'median' as never)).toThrow(
      "allReduce: op must be one of 'sum', 'max', 'min', 'mean', got 'median'.",
    );
    expect(() => sync.allReduce(Int32Array.of(1), 'mean')).toThrow(
      'allReduce: data must be float32 or float64 for the mean, got int32.',
    );
    expect(() => sync.allReduce([1] as never)).toThrow(/^allReduce: data must be a typed array of float32, /);
    expect(() => sync.broadcastObject(1, 1)).toThrow(
      'broadcastObject: root must be an integer in [0, 0], got 1.',
    );
    await expect(initProcessGroup({ size: 2 })).rejects.toThrow(
      'initProcessGroup: options.size must be the number of ranks, 1, got 2. Start it with: tfkit-ddp run -n 2',
    );
    await expect(initProcessGroup({ backend: 'threads' })).rejects.toThrow(
      /how the program was started, 'single', got 'threads'/,
    );
  });
});

describe('spawn', () => {
  it('refuses what it cannot send', async () => {
    await expect(spawn(Math.max.bind(null) as never, 2)).rejects.toThrow(
      /task must be a function with source text/,
    );
    await expect(spawn('train.mjs', 2)).rejects.toThrow(
      /task must be a function or a file URL, got 'train.mjs'/,
    );
    await expect(spawn(async () => 1, 0)).rejects.toThrow(
      'spawn: size must be an integer in [1, 256], got 0.',
    );
    await expect(spawn(async () => 1, 1, { timeOut: 1 } as never)).rejects.toThrow(
      /options must be among args, timeout/,
    );
    await expect(spawn(rankFile('collectives'), 1, { exportName: 'none' })).rejects.toThrow(
      /must export a function 'none'/,
    );
  });

  it('ends all ranks when it is aborted', async () => {
    const controller = new AbortController();
    setTimeout(() => controller.abort(new Error('enough')), 500);
    const forever = spawn(async () => new Promise((resolve) => setTimeout(resolve, 1e9)), 2, {
      signal: controller.signal,
    });
    await expect(forever).rejects.toThrow('enough');
  });
});
