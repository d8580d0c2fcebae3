/** The segmentation network on one rank and on several, with the same batch in all. */
import { lineY, ruleY } from '@observablehq/plot';
import { spawn } from '@tfkit/ddp';
import { classNames, drawCanvases } from '../data/canvases';
import { loadMnist } from '../data/mnist';
import type { RankOutcome, RankPlan } from '../models/segmenterRank';
import { type Block, plots, scores, seriesColors, table, text } from '../report/blocks';
import type { Stage, StageContext } from '../stage';

const full = { steps: 24, batch: 8, canvases: 192 };
const quick = { steps: 3, batch: 8, canvases: 24 };

export const stage: Stage = {
  name: 'ddp',
  title: 'Training on several threads',
  method:
    'Each rank computes the gradients of its part of the batch; while the backward pass goes on, buckets of them are summed in shared memory, and every rank applies the same mean.',
  paper: {
    citation: 'Li et al.: PyTorch Distributed: Experiences on Accelerating Data Parallel Training, VLDB 2020',
    url: 'https://arxiv.org/abs/2006.15704',
  },
  package: '@tfkit/ddp',
  budget: 20,
  needs: [],
  run,
};

async function run(context: StageContext): Promise<readonly Block[]> {
  const { steps, batch, canvases } = context.quick ? quick : full;
  await context.progress(0, 'drawing canvases');
  // Ranks are threads: backends of the GPU belong to one of them.
  const backend = ['tensorflow', 'cpu'].includes(context.backend) ? context.backend : 'wasm';
  const ranks = batch % context.ranks === 0 ? context.ranks : 2;
  const plan: RankPlan = {
    ...{ backend, steps, batch, seed: context.seed, classes: classNames.length },
    canvases: drawCanvases(await loadMnist('train'), canvases, context.seed + 2),
  };
  const outcomes: RankOutcome[] = [];
  const sizes = ranks === 1 ? [1] : [1, ranks];
  for (const [index, size] of sizes.entries()) {
    await context.progress(
      0.1 + (0.9 * index) / sizes.length,
      `${steps} steps on ${size} ${size === 1 ? 'rank' : 'ranks'}`,
    );
    outcomes.push(await train(size, plan, context.signal));
  }
  await context.progress(1, 'done');
  return report(sizes, outcomes, plan);
}

async function train(size: number, plan: RankPlan, signal: AbortSignal): Promise<RankOutcome> {
  // The tour runs from TypeScript, which a thread has to learn by itself.
  const results = await spawn(
    async (group, own: RankPlan, file: string): Promise<RankOutcome> => {
      const { tsImport } = await import('tsx/esm/api');
      return (await tsImport(file, file)).default(group, own);
    },
    size,
    {
      ...{ args: [plan, new URL('../models/segmenterRank.ts', import.meta.url).href] as const },
      ...{ signal, from: import.meta.url },
    },
  );
  return results[0]!;
}

function report(sizes: readonly number[], outcomes: readonly RankOutcome[], plan: RankPlan): Block[] {
  const [first, last] = [outcomes[0]!, outcomes.at(-1)!];
  const most = sizes.at(-1)!;
  const speedup = last.stepsPerSecond / first.stepsPerSecond;
  const gap = Math.max(...first.losses.map((loss, step) => Math.abs(loss - last.losses[step]!)));
  const points = outcomes.flatMap(({ losses }, index) =>
    losses.map((loss, step) => ({ step: step + 1, loss, ranks: sizes[index] })),
  );
  return [
    text(
      `The network of the first stage, ${plan.steps} steps with ${plan.batch} canvases in all, on the backend ${plan.backend}. The ranks begin with different weights and take over those of rank 0; afterwards their variables were compared bit by bit. The curves differ a little, since each rank weights the classes of its own part.`,
    ),
    scores(
      {
        label: `Speed of ${most} ranks, 1 rank = 1`,
        value: speedup.toFixed(2),
        note: 'this machine, as it was',
      },
      { label: 'Largest difference of the losses', value: gap.toFixed(3), note: 'nats' },
    ),
    plots({
      title: 'Training loss (class-weighted cross-entropy, nats)',
      options: {
        x: { label: 'step' },
        y: { label: 'loss', grid: true, zero: true },
        color: { domain: sizes.map(ranksLabel), range: seriesColors, legend: true },
        marks: [
          ruleY([0]),
          ...sizes.map((size, index) =>
            lineY(
              points.filter((point) => point.ranks === size),
              { x: 'step', y: 'loss', stroke: seriesColors[index]!, strokeWidth: 2 },
            ),
          ),
        ],
      },
    }),
    table({
      columns: [
        'ranks',
        'canvases a rank',
        { label: 'steps/s', digits: 2 },
        { label: 'loss at the end', digits: 3 },
      ],
      rows: sizes.map((size, index) => [
        size,
        plan.batch / size,
        outcomes[index]!.stepsPerSecond,
        outcomes[index]!.losses.at(-1)!,
      ]),
      caption: 'The same batch in all, divided over the ranks.',
    }),
  ];
}

const ranksLabel = (size: number) => (size === 1 ? '1 rank' : `${size} ranks`);
