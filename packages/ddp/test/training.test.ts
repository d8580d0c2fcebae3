import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestBackend, useBackend } from '@tfkit/test-kit';
import { beforeAll, describe, expect, inject, it } from 'vitest';
import { difference, paths, train } from './ranks';

type Arrays = Record<string, Float32Array>;
interface Run {
  losses: number[];
  variables: Arrays;
  leaked: number;
}
interface Fit {
  weights: Float32Array[];
  leaked: number;
}
type Modes = Record<string, Arrays> & { leaked: number };
interface Norm {
  mean: Float32Array;
  variance: Float32Array;
  dx: Float32Array;
  dscale: Float32Array;
  doffset: Float32Array;
  leaked: number;
}

const optimizers = ['sgd', 'momentum', 'adam'] as const;
const steps = 100;
const normCases = [
  { axis: -1, shape: [3, 4] },
  { axis: 1, shape: [4, 3] },
];
const rows = [3, 5];

/** webgpu renders in software here, in seconds a step: the paths it has of its own are tested on cpu too. */
const calls = (batch: number, path: string, backend: TestBackend) =>
  backend === 'webgpu'
    ? [['trainVariables', { optimizer: 'sgd', steps: 2, batch, count: 64 }]]
    : [
        ...optimizers.map((optimizer) => ['trainVariables', { optimizer, steps, batch, count: 64 }]),
        ['fitModel', { optimizer: 'adam', epochs: 4, batch, count: 64 }],
        ...normCases.map((norm) => ['syncNorm', { rows, ...norm }]),
        ['gradientModes', {}],
        ['uneven', { steps: [3, 5] }],
        ['unused', { ranks: [0], options: { findUnusedParameters: true } }],
        ['checkpointed', { path }],
        ['trainVariables', { optimizer: 'adam', steps, batch, count: 64, options: { reads: 'async' } }],
        ['fitModel', { optimizer: 'adam', epochs: 4, batch, count: 64, options: { reads: 'async' } }],
      ];

for (const { name, available, install } of inject('backends')) {
  if (!available) it.skip(`training on ${name} (skipped: absent, brought by: ${install})`);
  else describe(`training on 2 ranks of ${name}`, () => testBackend(name));
}

function testBackend(backend: TestBackend): void {
  const isFast = backend !== 'webgpu';
  let two: [unknown, unknown][];
  let one: unknown[];
  // 2 ranks with half the batch each, and 1 rank with all of it.
  beforeAll(async () => {
    const folder = await mkdtemp(join(tmpdir(), 'tfkit-ddp-'));
    try {
      const [first, second] = await train<unknown[]>('several', 2, {
        backend,
        calls: calls(8, join(folder, 'two.safetensors'), backend),
      });
      two = first!.map((result, index) => [result, second![index]]);
      const single = await train<unknown[]>('several', 1, {
        backend,
        calls: calls(16, join(folder, 'one.safetensors'), backend),
      });
      one = single[0]!;
    } finally {
      await rm(folder, { recursive: true });
    }
  }, 300_000);

  for (const [index, optimizer] of isFast ? optimizers.entries() : [[0, 'sgd'] as const]) {
    it(`trains variables with ${optimizer} as one process does, bit-identical ranks, no leak`, () => {
      const [first, second] = two[index] as [Run, Run];
      const whole = one[index] as Run;
      expect(first.losses).toHaveLength(isFast ? steps : 2);
      if (isFast) expect(first.losses.at(-1)).toBeLessThan(first.losses[0]!);
      expect(first.variables).toEqual(second.variables);
      expect(first.losses).toEqual(second.losses);
      // Rounding grows over the steps.
      expect(difference(first.variables, whole.variables)).toBeLessThan(2e-4);
      expect(difference([first.losses], [whole.losses])).toBeLessThan(2e-4);
      if (isFast) expect([first.leaked, second.leaked, whole.leaked]).toEqual([0, 0, 0]);
    });
  }

  if (!isFast) return;

  it('trains a model with batch normalisation by model.fit', () => {
    const [first, second] = two[optimizers.length] as [Fit, Fit];
    const whole = one[optimizers.length] as Fit;
    expect(first.weights).toEqual(second.weights);
    expect(first.weights).toHaveLength(8);
    expect(difference(first.weights, whole.weights)).toBeLessThan(1e-4);
    expect([first.leaked, second.leaked]).toEqual([0, 0]);
  });

  const after = optimizers.length + 1;

  for (const [offset, { axis }] of normCases.entries()) {
    it(`synchronises batch normalisation over unequal batches, channels at axis ${axis}`, () => {
      const ranks = two[after + offset] as [Norm, Norm];
      const whole = one[after + offset] as Norm;
      const dx = Float32Array.from([...ranks[0].dx, ...ranks[1].dx]);
      expect(difference([dx], [whole.dx])).toBeLessThan(1e-5);
      expect(difference([ranks[0].mean, ranks[0].variance], [whole.mean, whole.variance])).toBeLessThan(5e-6);
      const sum = (name: 'dscale' | 'doffset') =>
        ranks[0][name].map((value, i) => value + ranks[1][name][i]!);
      expect(difference([sum('dscale'), sum('doffset')], [whole.dscale, whole.doffset])).toBeLessThan(5e-5);
      expect(ranks.map(({ leaked }) => leaked)).toEqual([0, 0]);
    });
  }

  it('reduces gradients alike with and without overlap, in one bucket or many, and compressed', () => {
    const [first, second] = two[after + 2] as [Modes, Modes];
    const names = Object.keys(first.local!);
    const combined = (combine: (a: number, b: number) => number): Arrays =>
      Object.fromEntries(
        names.map((name) => [
          name,
          first.local![name]!.map((value, i) => combine(value, second.local![name]![i]!)),
        ]),
      );
    const mean = combined((a, b) => Math.fround(Math.fround(a + b) * 0.5));
    for (const mode of ['overlapped', 'serial', 'manyBuckets', 'checked']) expect(first[mode]).toEqual(mean);
    expect(first.sum).toEqual(combined((a, b) => Math.fround(a + b)));
    const magnitude = Math.max(
      ...names.flatMap((name) => [...first.local![name]!, ...second.local![name]!]).map(Math.abs),
    );
    expect(difference(first.fp16!, mean)).toBeLessThan(magnitude * 2 ** -11);
    expect(difference(first.fp16!, mean)).toBeGreaterThan(0);
    expect(difference(first.bf16!, mean)).toBeLessThan(magnitude * 2 ** -8);
    expect(difference(first.accumulated!, mean)).toBeLessThan(1e-6);
    for (const [mode, gradients] of Object.entries(first))
      if (mode !== 'local') expect(gradients).toEqual(second[mode]);
    expect([first.leaked, second.leaked]).toEqual([0, 0]);
  });

  it('goes on with the ranks that have batches left, and ends with equal variables', () => {
    const [first, second] = two[after + 3] as { done: number; variables: Arrays }[];
    expect([first!.done, second!.done]).toEqual([3, 5]);
    expect(first!.variables).toEqual(second!.variables);
  });

  it('counts a variable that a rank does not use as zero, and leaves alone what none uses', () => {
    const expected = { a: [2, 2.5], b: [0.5, 1], c: undefined };
    expect(two[after + 4]).toEqual([expected, expected]);
  });

  it('resumes from a checkpoint to the bit', () => {
    const [first, second] = two[after + 5] as {
      absent: unknown;
      step: number;
      straight: number[];
      resumed: number[];
    }[];
    expect([first!.absent, first!.step]).toEqual([undefined, 5]);
    expect(first!.resumed).toEqual(first!.straight);
    expect(second!.resumed).toEqual(second!.straight);
    expect(first!.straight).not.toEqual(second!.straight);
  });

  it('reduces after the backward pass where tensors are read asynchronously, to the same bits', () => {
    const [first, second] = two[after + 6] as [Run, Run];
    expect(first).toEqual({ ...(two[2]![0] as Run), leaked: 0 });
    expect(second.variables).toEqual(first.variables);
    const [fit, other] = two[after + 7] as [Fit, Fit];
    expect(fit.weights).toEqual((two[3]![0] as Fit).weights);
    expect(other.weights).toEqual(fit.weights);
    expect([fit.leaked, other.leaked]).toEqual([0, 0]);
  });
}

describe('ddp', () => {
  const cases: [string, Record<string, unknown>, RegExp][] = [
    [
      'unused',
      { ranks: [0, 1] },
      /^spawn: rank \d failed: OptionError: ddp: variables must all have a gradient on every rank, got none for 'c' on rank \d/,
    ],
    [
      'notFinite',
      { bad: 1 },
      /ValueError: ddp: gradients must be finite, got NaN or Infinity for 'b' on rank 1/,
    ],
    [
      'drift',
      { bad: 1 },
      /ValueError: checkSync: variables must be the same on all ranks, got other values of 'b' on rank 1 than on rank 0/,
    ],
    [
      'otherShape',
      { bad: 1 },
      /ddp: variables must have the same shapes on every rank, got 'kernel' float32 \[3, 4\] on rank 0 and 'kernel' float32 \[3, 5\] on rank 1/,
    ],
  ];
  for (const [name, argument, message] of cases) {
    it(`says in one sentence what is wrong: ${name}`, async () => {
      await expect(train(name, 2, { backend: 'cpu', ...argument })).rejects.toThrow(message);
    });
  }
});

const hasTensorFlow = paths.tfjsNode !== undefined;

describe('tfjs-node in several threads', () => {
  for (const size of [2, 4]) {
    const title = `computes in ${size} ranks at once, and in the parent too`;
    it.skipIf(!hasTensorFlow)(hasTensorFlow ? title : `${title} (skipped: tfjs-node is absent)`, async () => {
      await useBackend('tensorflow');
      const calls = [['computeAtOnce', { seconds: 1 }]];
      const results = await train<{ count: number; sums: number[] }[]>('several', size, {
        backend: 'tensorflow',
        calls,
      });
      const sums = results.flatMap(([result]) => result!.sums);
      expect(sums).toHaveLength(size * size);
      expect(new Set(sums).size).toBe(1);
      for (const [result] of results) expect(result!.count).toBeGreaterThan(1);
    });
  }
});
