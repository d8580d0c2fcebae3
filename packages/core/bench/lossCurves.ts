/**
 * Writes benchmarks/results/core-loss-curves.{svg,md}: the tour's network trained from one seed on every Node backend that
 * is here. `npx tsx --tsconfig tsconfig.base.json packages/core/bench/lossCurves.ts [steps, default 20] [batch, default 8]`
 */
import { writeFile } from 'node:fs/promises';
import { pageOrigin } from '@tfkit/bench';
import { type Curve, curvesSvg } from '../../../tour/src/report/curves';
import { availableBackends, resultFile, startWorker } from './backendProcess';

const [steps = 20, batch = 8] = process.argv.slice(2).map(Number);
const seed = 1;

async function train(backend: string): Promise<Curve> {
  const worker = startWorker('lossWorker.ts', backend, String(seed), String(batch));
  const values: number[] = [];
  try {
    while (values.length < steps) {
      const { loss } = await worker.request<{ loss: number }>({});
      if (!Number.isFinite(loss))
        throw new Error(`${backend}: the loss of step ${values.length + 1} is ${loss}`);
      values.push(loss);
      console.error(`${backend}: step ${values.length} of ${steps}, loss ${loss.toFixed(4)}`);
    }
  } finally {
    worker.close();
  }
  return { name: backend, values };
}

/** The largest |a - b| / a over all steps, and where it is. */
function deviation(a: Curve, b: Curve): { relative: number; step: number } {
  const relative = a.values.map((value, step) => Math.abs(b.values[step]! - value) / value);
  const largest = Math.max(...relative);
  return { relative: largest, step: relative.indexOf(largest) + 1 };
}

function page(curves: readonly Curve[]): string {
  const [first, ...others] = curves;
  const row = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  const lines = first!.values.map((_, step) =>
    row([String(step + 1), ...curves.map(({ values }) => values[step]!.toFixed(6))]),
  );
  const deviations = others.map((curve) => {
    const { relative, step } = deviation(first!, curve);
    const start = Math.abs(curve.values[0]! - first!.values[0]!) / first!.values[0]!;
    return row([curve.name, start.toExponential(1), relative.toExponential(1), String(step)]);
  });
  return `# One seed's loss curve on every backend

Made by \`npx tsx --tsconfig tsconfig.base.json packages/core/bench/lossCurves.ts ${steps} ${batch}\`; do not edit. The tour's segmentation
network, batches of ${batch} canvases 64x64, Adam, seed ${seed}, ${steps} steps, on every backend of Node that was here, each in a
process of its own. webgl runs in a browser only and is not here.

${pageOrigin()}

![Loss curves](core-loss-curves.svg)

Largest deviation of the loss from ${first!.name}, relative. Every step feeds its rounding into the next.

${[row(['backend', 'step 1', 'largest', 'at step']), row(['---', '---', '---', '---']), ...deviations].join('\n')}

Loss before each step (class-weighted cross-entropy, nats):

${[row(['step', ...curves.map(({ name }) => name)]), row(['---', ...curves.map(() => '---')]), ...lines].join('\n')}
`;
}

const curves: Curve[] = [];
for (const backend of availableBackends()) curves.push(await train(backend));
await writeFile(
  resultFile('core-loss-curves.svg'),
  `${curvesSvg(curves, { x: 'step', y: 'loss (nats)' })}\n`,
);
await writeFile(resultFile('core-loss-curves.md'), page(curves));
