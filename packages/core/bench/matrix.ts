/**
 * Writes benchmarks/results/core-matrix.md: what ops and their gradients do on every Node backend that is here, with stock
 * tfjs and with tfkit. `npx tsx --tsconfig tsconfig.base.json packages/core/bench/matrix.ts`
 */
import { writeFile } from 'node:fs/promises';
import { cpus, loadavg } from 'node:os';
import { formatNumber, pageOrigin } from '@tfkit/bench';
import { availableBackends, resultFile, startWorker } from './backendProcess';
import { matrixCases } from './matrixCases';
import type { Outcome, Report } from './matrixWorker';

/** Relative to the largest value; the tests' own tolerance. */
const tolerance = 1e-4;
const variants = ['stock', 'tfkit'] as const;
type Variant = (typeof variants)[number];
type Pass = keyof Report;
const names = Object.keys(matrixCases);

/** Reports by case. An op that ends its process is a result too; the next one gets a new process. */
async function tryAll(backend: string, variant: Variant): Promise<Map<string, Report>> {
  const reports = new Map<string, Report>();
  let worker = startWorker('matrixWorker.ts', backend, variant);
  for (const name of names) {
    try {
      reports.set(name, await worker.request<Report>({ name }));
    } catch (error) {
      const ended: Outcome = { message: `the process ended: ${(error as Error).message}` };
      reports.set(name, { forward: ended, gradient: ended });
      worker = startWorker('matrixWorker.ts', backend, variant);
    }
    console.error(`${backend}, ${variant}: ${name}: ${JSON.stringify(reports.get(name))}`);
  }
  worker.close();
  return reports;
}

const works = (outcome: Outcome): outcome is { error: number; ms: number | null } =>
  'error' in outcome && outcome.error <= tolerance;

function cell(outcome: Outcome): string {
  if ('error' in outcome) {
    if (outcome.error <= tolerance) return 'works';
    return `**wrong** (${outcome.error >= 1e9 ? 'NaN or shape' : outcome.error.toExponential(0)})`;
  }
  const words = outcome.message.replace(/\s+/g, ' ').replaceAll('|', '\\|').split(' ');
  return `throws: ${words.slice(0, 8).join(' ')}${words.length > 8 ? ' …' : ''}`;
}

function speed(stock: Outcome, ours: Outcome): string {
  if (!works(stock) || !works(ours) || stock.ms === null || ours.ms === null) return '';
  return `${formatNumber(stock.ms)} → ${formatNumber(ours.ms)}`;
}

type Matrix = Map<string, Record<Variant, Map<string, Report>>>;

function table(columns: readonly string[], cells: (name: string) => readonly string[]): string {
  const line = (parts: readonly string[]) => `| ${parts.join(' | ')} |`;
  const header = ['op', ...columns];
  return [
    line(header),
    line(header.map(() => '---')),
    ...names.map((name) => line([name, ...cells(name)])),
  ].join('\n');
}

function section(title: string, pass: Pass, matrix: Matrix): string {
  const pairs = [...matrix].flatMap(([backend, results]) =>
    variants.map((variant) => ({ column: `${backend}, ${variant}`, reports: results[variant] })),
  );
  const outcomes = table(
    pairs.map(({ column }) => column),
    (name) => pairs.map(({ reports }) => cell(reports.get(name)![pass])),
  );
  const times = table([...matrix.keys()], (name) =>
    [...matrix.values()].map(({ stock, tfkit }) => speed(stock.get(name)![pass], tfkit.get(name)![pass])),
  );
  const count = ({ reports }: (typeof pairs)[number]) =>
    [...reports.values()].filter((report) => works(report[pass])).length;
  const counts = pairs.map((pair) => `${pair.column} ${count(pair)}`).join('; ');
  return `## ${title}

Of ${names.length} work: ${counts}.

${outcomes}

Milliseconds, stock → tfkit, where both work:

${times}`;
}

const page = (matrix: Matrix) => `# Ops and gradients on every backend: stock tfjs beside tfkit

Made by \`npx tsx --tsconfig tsconfig.base.json packages/core/bench/matrix.ts\`; do not edit.

${pageOrigin()}
- Load of the machine, average of the last 15 minutes: ${loadavg()[2]!.toFixed(1)} on ${cpus().length} cores

Stock is tfjs with its own gradients and the backend's own kernels; tfkit is the same after \`ensureGradients()\` and
\`ensureKernels()\`. Each column ran in a process of its own. Values are compared with float64 references, gradients with
central differences of those; the error is relative to the largest value, and above ${tolerance} it is wrong. Times are medians of
3 at 8 times the side of the compared shapes, one thread, read back included; the two sides did not take turns, so they show
orders of magnitude at best, and nothing of the faster ops where the load is above the number of cores. webgl runs in a browser only and is not here; the tests cover it in Chromium.

${section('Forward', 'forward', matrix)}

${section('Gradient to every input', 'gradient', matrix)}
`;

const matrix: Matrix = new Map();
for (const backend of availableBackends()) {
  matrix.set(backend, { stock: await tryAll(backend, 'stock'), tfkit: await tryAll(backend, 'tfkit') });
}
await writeFile(resultFile('core-matrix.md'), page(matrix));
