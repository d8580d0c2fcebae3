/**
 * `npm run soak [-- --minutes 10] [--backends tensorflow,wasm] [--jobs spp,ddp] [--at-once 1] [--no-write]`: each package's
 * main job, over and over in one process on each backend. Tensors, their bytes and the process's memory must not grow;
 * figures go to benchmarks/results/soak.md. `--minutes` is the time of each job on each backend.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import * as tf from '@tensorflow/tfjs-core';
import { pageOrigin } from '@tfkit/bench';
import { findTestTargets, tfjsNodeAnchor } from '@tfkit/test-kit/availability';
import { loadNodeBackend } from '@tfkit/test-kit/node-backends';
import { jobNames, usesTensors } from './consumer';
import { run } from './processes';
import { root } from './workspace';

interface Row {
  readonly job: string;
  readonly backend: string;
  readonly runs: number;
  readonly minutes: number;
  /** Tensors and bytes that tfjs counts after the last run less those after the warm-up. */
  readonly tensors: number;
  readonly bytes: number;
  /** Resident memory in MB, as medians of the second and of the last tenth of the samples. */
  readonly before: number;
  readonly after: number;
}

/** Resident memory that may come and go with the allocator and the collector: MB, and a share of what is there. */
const slack = { megabytes: 24, share: 0.1 };
const warmUps = 3;

export async function soak(args: string[]): Promise<number> {
  const { values } = parseArgs({
    args,
    options: {
      minutes: { type: 'string', default: '10' },
      backends: { type: 'string', default: 'tensorflow,wasm' },
      jobs: { type: 'string', default: jobNames().join() },
      'at-once': { type: 'string', default: '1' },
      write: { type: 'boolean', default: true },
      child: { type: 'string' },
    },
    allowNegative: true,
  });
  const minutes = Number(values.minutes);
  if (!(minutes > 0)) throw new Error(`soak: --minutes must be positive, got ${values.minutes}`);
  const atOnce = Number(values['at-once']);
  if (!(atOnce >= 1)) throw new Error(`soak: --at-once must be at least 1, got ${values['at-once']}`);
  const jobs = values.jobs.split(',');
  const unknown = jobs.find((name) => !jobNames().includes(name));
  if (unknown) throw new Error(`soak: --jobs must be of ${jobNames().join(', ')}, got ${unknown}`);
  if (values.child) {
    console.log(JSON.stringify(await soakJob(jobs[0]!, values.child, minutes)));
    return 0;
  }

  const backends = values.backends.split(',').filter(isThere);
  const plainJobs = jobs.filter((job) => !usesTensors(job)).map((job) => [job, 'none'] as const);
  const tensorJobs = jobs.filter(usesTensors).flatMap((job) => backends.map((each) => [job, each] as const));
  const waiting = [...plainJobs, ...tensorJobs];
  const rows: Row[] = [];
  const errors: unknown[] = [];
  const worker = async () => {
    for (let next = waiting.shift(); next; next = waiting.shift()) {
      const row = await runChild(...next, minutes).catch((error) => void errors.push(error));
      if (!row) continue;
      rows.push(row);
      console.log(describe(row));
    }
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
  rows.sort((a, b) => a.job.localeCompare(b.job) || a.backend.localeCompare(b.backend));
  if (values.write && errors.length === 0) {
    writeFileSync(join(root, 'benchmarks', 'results', 'soak.md'), page(rows, minutes, atOnce));
  }
  for (const error of errors) console.error(error);
  return errors.length > 0 || rows.length === 0 || rows.some(grew) ? 1 : 0;
}

function isThere(backend: string): boolean {
  const target = findTestTargets().find((each) => each.target === backend);
  if (!target?.available) {
    console.log(`skipped: ${backend} is absent, brought by: ${target?.install ?? 'nothing known'}`);
  }
  return target?.available === true;
}

/** One process for a job on a backend, with the collector at hand; its last line of output is the row as JSON. */
async function runChild(job: string, backend: string, minutes: number): Promise<Row> {
  const cli = fileURLToPath(new URL('cli.ts', import.meta.url));
  const child = ['soak', '--child', backend, '--jobs', job, '--minutes', String(minutes)];
  const output = await run(process.execPath, ['--expose-gc', '--import', 'tsx', cli, ...child], {
    cwd: root,
    env: { TF_CPP_MIN_LOG_LEVEL: '2', TSX_TSCONFIG_PATH: join(root, 'tsconfig.base.json') },
    timeout: (2 * minutes + 10) * 60_000,
  });
  return JSON.parse(output.trim().split('\n').at(-1)!) as Row;
}

function describe(row: Row): string {
  return (
    `${row.backend} ${row.job}: ${row.runs} runs, ${row.tensors} tensors more, ` +
    `${row.before.toFixed(0)} -> ${row.after.toFixed(0)} MB${grew(row) ? ' GROWS' : ''}`
  );
}

async function soakJob(name: string, backend: string, minutes: number): Promise<Row> {
  if (backend === 'tensorflow' && !tfjsNodeAnchor()) throw new Error('soak: tfjs-node is absent');
  if (backend !== 'none') await loadNodeBackend(backend as 'tensorflow' | 'wasm');
  const file = join(root, 'tools', 'publish', 'jobs', `${name}.ts`);
  const { job } = (await import(pathToFileURL(file).href)) as { job(): Promise<string> };
  for (let i = 0; i < warmUps; i++) await job();
  const tensors = () => (backend === 'none' ? { numTensors: 0, numBytes: 0 } : tf.memory());
  const start = tensors();
  const expected = await job();
  const samples: number[] = [];
  const end = Date.now() + minutes * 60_000;
  const every = (minutes * 60_000) / 100;
  let next = Date.now() + every;
  let runs = 0;
  while (Date.now() < end || samples.length < 20) {
    const result = await job();
    // Jobs draw from keys: each run gives what the first gave.
    if (result !== expected) throw new Error(`soak: ${name} gave '${expected}' first, and now '${result}'`);
    runs++;
    if (Date.now() < next && Date.now() < end) continue;
    next += every;
    globalThis.gc?.();
    samples.push(process.memoryUsage.rss() / 1e6);
  }
  const now = tensors();
  const tenth = Math.ceil(samples.length / 10);
  return {
    job: name,
    backend,
    runs,
    minutes,
    tensors: now.numTensors - start.numTensors,
    bytes: now.numBytes - start.numBytes,
    before: median(samples.slice(tenth, 2 * tenth)),
    after: median(samples.slice(-tenth)),
  };
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
}

function grew({ tensors, bytes, before, after }: Row): boolean {
  return tensors > 0 || bytes > 0 || after - before > slack.megabytes + slack.share * before;
}

function page(rows: readonly Row[], minutes: number, atOnce: number): string {
  const lines = rows.map(
    (row) =>
      `| ${row.job} | ${row.backend} | ${row.runs} | ${row.tensors} | ${row.bytes} | ` +
      `${row.before.toFixed(0)} | ${row.after.toFixed(0)} | ${grew(row) ? '**yes**' : 'no'} |`,
  );
  return `# Soak

Made by \`npm run soak -- --minutes ${minutes} --at-once ${atOnce}\`; do not edit. Each package's main job (\`tools/publish/jobs\`),
over and over for ${minutes} minutes in one process on each backend (none: it needs no TensorFlow.js), ${atOnce} such processes at once.
Tensors and bytes: what tfjs counts after the last run, less what it counted after ${warmUps} runs. Memory: resident MB, medians
of the second and of the last tenth of 100 samples, after a collection. Grows: more tensors or bytes, or memory by more
than ${slack.megabytes} MB and ${slack.share * 100} %.

${pageOrigin()}

| job | backend | runs | tensors | bytes | MB, early | MB, late | grows |
| --- | --- | --- | --- | --- | --- | --- | --- |
${lines.join('\n')}
`;
}
