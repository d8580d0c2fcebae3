/**
 * Measures this machine on 2 ranks over MPI and simulates up to 1,024 ranks: `npx tsx --tsconfig
 * tools/tsconfig.source.json packages/ddp/scripts/simulate.ts [rounds]`. Writes benchmarks/results/ddp-simulation.md.
 */
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { pageOrigin } from '@tfkit/bench';
import { mpiLauncher } from '@tfkit/test-kit/availability';
import { type ScheduleName, schedules } from '../bench/simulation/schedules';
import { type Link, type Machine, simulate, simulateStep } from '../bench/simulation/simulate';

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));
const rounds = process.argv[2] ?? '40';
const launcher = mpiLauncher('openmpi');
if (!launcher) throw new Error('Open MPI is absent: npm run setup:backends -- openmpi');
const [command, ...args] = [
  ...launcher.command,
  '-n',
  '2',
  process.execPath,
  here('../bench/ranks/constants.mjs'),
  rounds,
];
const output = execFileSync(command!, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });
const { best, buckets } = JSON.parse(output.split('\n').find((line) => line.startsWith('{'))!) as {
  best: Record<string, number>;
  buckets: number[];
};

const mib = 2 ** 20;
const copy = best['copy of 8 MiB']! / (8 * mib);
const call = best.barrier!;
// A broadcast copies a byte three times beside sending it: into its result, into the arena and out of it.
const perByte = (best['broadcast of 16 MiB']! - best['broadcast of 4 MiB']!) / (12 * mib);
const inside: Link = { alpha: best['broadcast of 4 bytes']! - call, beta: perByte - 3 * copy };
const gamma = best['sum of 2 x 8 MiB']! / (8 * mib);
/** A private array is copied in, from slot to result and out; a bucket out of the backend, into the arena and from slot to result. */
const machine: Machine = { inside, between: inside, gamma, call, copy: 3 * copy, ranksPerHost: 1 };

const allReduce = (name: ScheduleName, ranks: number, bytes: number, on: Machine) =>
  simulate(schedules[name](ranks, bytes, on.ranksPerHost), ranks, bytes, on);
const step = {
  forward: best['forward pass']!,
  backward: best['step without communication']! - best['forward pass']!,
  buckets,
};

const predictions = [0.25, 1, 4, 16].map((size) => ({
  what: `all-reduce of ${size} MiB`,
  predicted: allReduce('ring', 2, size * mib, machine),
  measured: best[`all-reduce of ${size} MiB`]!,
}));
predictions.push({
  what: `training step, ${buckets.length} buckets of ${(buckets[0]! / mib).toFixed(2)} MiB after the backward pass`,
  predicted: simulateStep(step, (bytes) => allReduce('ring', 2, bytes, machine), false),
  measured: best['step with communication']!,
});
const worst = Math.max(...predictions.map(({ predicted, measured }) => Math.abs(predicted / measured - 1)));

const networks: Record<string, Link> = {
  '10 Gbit/s, 30 us': { alpha: 30e-6, beta: 8 / 10e9 },
  '100 Gbit/s, 5 us': { alpha: 5e-6, beta: 8 / 100e9 },
};
const counts = [2, 8, 64, 256, 1024];
const perHost = 8;
const names = ['ring', 'tree', 'hierarchical'] as const;
const milliseconds = (seconds: number) => (seconds * 1000).toPrecision(3);
const machineOf = (between: Link): Machine => ({ ...machine, between, ranksPerHost: perHost });

const tables = Object.entries(networks).map(([network, between]) => {
  const on = machineOf(between);
  const row = (title: string, cells: (ranks: number) => string) =>
    `| ${title} | ${counts.map(cells).join(' | ')} |`;
  const rows = [0.0625, 25].flatMap((size) =>
    names.map((name) =>
      row(`all-reduce of ${size} MiB, ${name}`, (ranks) =>
        milliseconds(allReduce(name, ranks, size * mib, on)),
      ),
    ),
  );
  for (const overlap of [false, true]) {
    rows.push(
      row(`step, hierarchical, ${overlap ? 'overlapped' : 'serial'}`, (ranks) =>
        milliseconds(simulateStep(step, (bytes) => allReduce('hierarchical', ranks, bytes, on), overlap)),
      ),
    );
  }
  return [
    `### ${network} between hosts, ${perHost} ranks a host (ms)`,
    '',
    `| ranks | ${counts.join(' | ')} |`,
    `| --- |${' --- |'.repeat(counts.length)}`,
    ...rows,
  ].join('\n');
});

const page = `# All-reduce on up to 1,024 ranks, simulated

Made by \`packages/ddp/scripts/simulate.ts\`; do not edit. The alpha-beta model (\`packages/ddp/bench/simulation\`): a message of
n bytes takes alpha + n beta, adding it n gamma; a call costs its check of all ranks and the copies in and out of the arena.

${pageOrigin()}

## Measured on 2 ranks over Open MPI on one host (least of ${rounds} rounds)

| constant | value |
| --- | --- |
| alpha, a message | ${(inside.alpha * 1e6).toPrecision(3)} us |
| beta, a byte sent | ${(inside.beta * 1e9).toPrecision(3)} ns |
| gamma, a byte added (wasm) | ${(gamma * 1e9).toPrecision(3)} ns |
| a call, before data moves | ${(call * 1e6).toPrecision(3)} us |
| a byte copied (wasm) | ${(copy * 1e9).toPrecision(3)} ns |
| forward and backward pass of the network of 6 layers | ${milliseconds(step.forward)} and ${milliseconds(step.backward)} ms |

The constants come from barriers, broadcasts and kernels; what is predicted is not among them.

| 2 ranks | predicted, ms | measured, ms | off by |
| --- | --- | --- | --- |
${predictions
  .map(
    ({ what, predicted, measured }) =>
      `| ${what} | ${milliseconds(predicted)} | ${milliseconds(measured)} | ${(100 * (predicted / measured - 1)).toFixed(0)} % |`,
  )
  .join('\n')}

The largest deviation is ${(100 * worst).toFixed(0)} %; the bar was 30 %.

## Predicted

Within a host the constants above; between hosts those in the titles, which are assumed and not measured. The step is that
of the measured network.

${tables.join('\n\n')}

## What this cannot know

- No network was measured: alpha and beta between hosts are data sheets', without congestion, switches that are shared,
  lost packets, or several cables a host.
- Ranks are alike and start together. A real step waits for the slowest of 1,024.
- MPI chooses its own algorithms and changes them with size and ranks; the simulation runs the one in the row.
- All ranks of a host share its memory's bandwidth, which the model does not: the arena's part of the hierarchy is
  optimistic for many ranks a host.
- Overlap is taken as free; where communication takes cores from the computation it is not.
`;
if (worst > 0.3)
  console.error(`the largest deviation is ${(100 * worst).toFixed(0)} %: the page is not written.`);
else writeFileSync(here('../../../benchmarks/results/ddp-simulation.md'), page);
console.log(page);
process.exit(worst > 0.3 ? 1 : 0);
