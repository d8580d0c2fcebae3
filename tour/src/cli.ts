/** `npm start -- [--stage <names...>] [--backend <name>] [--seed <n>] [--out <folder>] [--quick] [--ranks <n>]` */
import { join, relative, resolve } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import { isTfkitError } from '@tfkit/core';
import { ensureGradients, ensureKernels, type SelectBackendOptions, selectBackend } from '@tfkit/core/tfjs';
import { Command, InvalidArgumentError } from 'commander';
import { terminalProgress } from './progress';
import { stages } from './stages/index';
import { checkNeeds, chooseStages, prepareFolder, runTour, UsageError } from './tour';

interface Options {
  readonly stage?: string[];
  readonly backend?: string;
  readonly seed: number;
  readonly out: string;
  readonly quick?: boolean;
  readonly ranks: number;
}

const program = new Command('npm start --')
  .description('All packages at work on real data, and one HTML report.')
  .option('--stage <names...>', `run these alone: ${stages.map(({ name }) => name).join(', ')}`)
  .option('--backend <name>', 'this tfjs backend or none; default: the best that works here')
  .option('--seed <integer>', 'all randomness comes from it', parseSeed, 1)
  .option('--out <folder>', 'where the report goes', 'tour-report')
  .option('--quick', 'few steps on little data, for a check that everything runs')
  .option('--ranks <number>', 'threads that train together in the stage ddp', parseRanks, 2)
  .showHelpAfterError(false)
  .configureOutput({ outputError: (text, write) => write(text.replace(/^error: /, 'tour: ')) })
  .exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : 2));

async function main(): Promise<number> {
  program.parse();
  const options = program.opts<Options>();
  // npm runs scripts at the root; a relative folder means the folder the user stands in.
  const out = resolve(process.env.INIT_CWD ?? '.', options.out);
  const chosen = chooseStages(stages, options.stage ?? []);
  await checkNeeds(chosen, out);
  // tfjs-backend-cpu advertises tfjs-node at its first kernel in Node; the report's table says what is faster.
  tf.enableProdMode();
  const selected = await selectBackend({ require: options.backend as SelectBackendOptions['require'] });
  await ensureGradients();
  await ensureKernels();
  await prepareFolder(out);
  console.log(`backend ${selected.name}: ${selected.tried.at(-1)?.reason ?? 'set by the program'}`);

  const interrupt = new AbortController();
  process.once('SIGINT', () => interrupt.abort(new Error('interrupted')));
  const outcomes = await runTour({
    stages: chosen,
    selected,
    tfjs: tf.version_core,
    seed: options.seed,
    quick: options.quick ?? false,
    ranks: options.ranks,
    out,
    signal: interrupt.signal,
    progress: terminalProgress(process.stdout),
  }).catch((error) => {
    if (!interrupt.signal.aborted) throw error;
    return undefined;
  });
  if (!outcomes) return 130;
  const file = join(out, 'index.html');
  console.log(`report: ${relative(process.env.INIT_CWD ?? process.cwd(), file) || file}`);
  return outcomes.some(({ result }) => 'failure' in result) ? 1 : 0;
}

function parseSeed(text: string): number {
  const seed = Number(text);
  if (text.trim() !== '' && Number.isInteger(seed) && seed >= 0 && seed < 2 ** 32) return seed;
  throw new InvalidArgumentError('It must be an integer in [0, 4294967295].');
}

function parseRanks(text: string): number {
  const ranks = Number(text);
  if (Number.isInteger(ranks) && ranks >= 1 && ranks <= 8) return ranks;
  throw new InvalidArgumentError('It must be an integer in [1, 8].');
}

main().then(
  (code) => process.exit(code),
  (error) => {
    const expected = error instanceof UsageError || isTfkitError(error);
    console.error(`tour: ${expected || !(error instanceof Error) ? (error.message ?? error) : error.stack}`);
    process.exit(expected ? 2 : 1);
  },
);
