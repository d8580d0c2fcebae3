/**
 * Random faults in a row, each in a job of its own: `npx tsx --tsconfig tools/tsconfig.source.json
 * packages/ddp/scripts/faults.ts [count] [seed]`. Writes benchmarks/results/ddp-faults.md.
 */
import { writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { pageOrigin } from '@tfkit/bench';
import {
  checkFault,
  type FaultName,
  faultNames,
  randomFaults,
  runFault,
  size,
  timeout,
} from '../test/faults';

const count = Number(process.argv[2] ?? 50);
const seed = Number(process.argv[3] ?? 1);

interface Tally {
  count: number;
  slowest: number;
  message: string;
}

const tallies = new Map<FaultName, Tally>();
for (const [index, fault] of randomFaults(count, seed).entries()) {
  const { error, milliseconds } = await runFault(fault);
  checkFault(fault, error);
  const tally = tallies.get(fault.fault) ?? { count: 0, slowest: 0, message: error.message };
  tallies.set(fault.fault, {
    ...tally,
    count: tally.count + 1,
    slowest: Math.max(tally.slowest, milliseconds),
  });
  console.error(
    `${index + 1}/${count} rank ${fault.bad} ${fault.fault} at step ${fault.step}: ${milliseconds.toFixed(0)} ms`,
  );
}
const rows = faultNames.flatMap((name) => {
  const tally = tallies.get(name);
  return tally
    ? [`| ${name} | ${tally.count} | ${(tally.slowest / 1000).toFixed(1)} | ${tally.message} |`]
    : [];
});
const page = `# ${count} random faults in a row

Made by \`packages/ddp/scripts/faults.ts\`, seed ${seed}; do not edit. Jobs of ${size} ranks as threads, time-out ${timeout / 1000} s; one random
rank fails in a random way at a random step. Every job ended with an error that tells the fault and names the rank, and
no thread was left. Seconds are of the whole job, its start included.

${pageOrigin()}

| the rank ... | times | slowest, s | the first message |
| --- | --- | --- | --- |
${rows.join('\n')}
`;
if (count >= 50)
  await writeFile(fileURLToPath(new URL('../../../benchmarks/results/ddp-faults.md', import.meta.url)), page);
console.log(page);
process.exit(0);
