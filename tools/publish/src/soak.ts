/**
 * `npm run soak [-- --minutes 10] [--backends tensorflow,wasm] [--jobs spp,ddp] [--no-write]`: each package's main job,
 * over and over in one process a backend. Tensors, their bytes and the process's memory must not grow; figures go to
 * benchmarks/results/soak.md. `--minutes` is the time of each job on each backend.
 */
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import * as tf from '@tensorflow/tfjs-core';
import { pageOrigin } from '@tfkit/bench';
import { findTestTargets, tfjsNodeAnchor } from '@tfkit/test-kit/availability';
import { loadNodeBackend } from '@tfkit/test-kit/node-backends';
import { jobNames } from './consumer';
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
      write: { type: 'boolean', default: true },
      child: { type: 'string' },
    },
    allowNegative: true,
  });
  const minutes = Number(values.minutes);
  if (!(minutes > 0)) throw new Error(`soak: --minutes must be positive, got ${values.minutes}`);
  const jobs = values.jobs.split(',');
  const unknown = jobs.find((name) => !jobNames().includes(name));
  if (unknown) throw new Error(`soak: --jobs must be of ${jobNames().join(', ')}, got ${unknown}`);
  if (values.child) return soakHere(values.child, jobs, minutes);

  const rows: Row[] = [];
  for (const backend of values.backends.split(',')) {
    const target = findTestTargets().find((each) => each.target === backend);
    if (!target?.available) {
      console.log(`skipped: ${backend} is absent, brought by: ${target?.install ?? 'nothing known'}`);
      continue;
    }
    rows.push(...runChild(backend, values.jobs, values.minutes));
  }
  if (values.write) writeFileSync(join(root, 'benchmarks', 'results', 'soak.md'), page(rows, minutes));
  const growing = rows.filter(grew);
  for (const { job, backend } of growing) console.error(`soak: ${job} grows on ${backend}`);
  return growing.length > 0 || rows.length === 0 ? 1 : 0;
}

/** One process a backend, with the collector at hand; it prints a row of JSON for each job. */
function runChild(backend: string, jobs: string, minutes: string): Row[] {
  const cli = fileURLToPath(new URL('cli.ts', import.meta.url));
  const args = [
    '--expose-gc',
    '--import',
    'tsx',
    cli,
    'soak',
    '--child',
    backend,
    '--jobs',
    jobs,
    '--minutes',
    minutes,
  ];
  const { stdout, status } = spawnSync(process.execPath, args, {
    cwd: root,
    encoding: 'utf8',
    maxBuffer: 1 << 26,
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, TF_CPP_MIN_LOG_LEVEL: '2', TSX_TSCONFIG_PATH: join(root, 'tsconfig.base.json') },
  });
  if (status !== 0) throw new Error(`soak: the process of ${backend} ended with code ${status}`);
  const lines = stdout.split('\n').filter((line) => line.startsWith('{'));
  return lines.map((line) => JSON.parse(line) as Row);
}

async function soakHere(backend: string, jobs: readonly string[], minutes: number): Promise<number> {
  if (backend === 'tensorflow' && !tfjsNodeAnchor()) throw new Error('soak: tfjs-node is absent');
  await loadNodeBackend(backend as 'tensorflow' | 'wasm');
  for (const job of jobs) {
    const row = await soakJob(job, backend, minutes);
    console.error(
      `${backend} ${job}: ${row.runs} runs, ${row.tensors} tensors more, ` +
        `${row.before.toFixed(0)} -> ${row.after.toFixed(0)} MB${grew(row) ? ' GROWS' : ''}`,
    );
    console.log(JSON.stringify(row));
  }
  return 0;
}

async function soakJob(name: string, backend: string, minutes: number): Promise<Row> {
  const file = join(root, 'tools', 'publish', 'jobs', `${name}.ts`);
  const { job } = (await import(pathToFileURL(file).href)) as { job(): Promise<string> };
  for (let i = 0; i < warmUps; i++) await job();
  const start = tf.memory();
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
  const now = tf.memory();
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

function page(rows: readonly Row[], minutes: number): string {
  const lines = rows.map(
    (row) =>
      `| ${row.job} | ${row.backend} | ${row.runs} | ${row.tensors} | ${row.bytes} | ` +
      `${row.before.toFixed(0)} | ${row.after.toFixed(0)} | ${grew(row) ? '**yes**' : 'no'} |`,
  );
  return `# Soak

Made by \`npm run soak -- --minutes ${minutes}\`; do not edit. Each package's main job (\`tools/publish/jobs\`), over and over for
${minutes} minutes, all jobs of a backend in one process. Tensors and bytes: what tfjs counts after the last run, less what it
counted after ${warmUps} runs. Memory: resident MB, medians of the second and of the last tenth of 100 samples, after a
collection. Grows: more tensors or bytes, or memory by more than ${slack.megabytes} MB and ${slack.share * 100} %.

${pageOrigin()}

| job | backend | runs | tensors | bytes | MB, early | MB, late | grows |
| --- | --- | --- | --- | --- | --- | --- | --- |
${lines.join('\n')}
`;
}
