/** `npm run reproduce -- nice-mnist [--epochs <n>] [--minutes <n>] [--backend <name>] [--seed <n>] [--out <folder>]` */
import { resolve } from 'node:path';
import { isTfkitError } from '@tfkit/core';
import { Command, InvalidArgumentError, Option } from 'commander';
import { backendNames, loadBackend } from './backend';
import { reproduceNice } from './niceMnist';

const program = new Command('npm run reproduce --')
  .description(
    "Train a paper's model as the paper says, and set our figure beside its own. Resumes where it stopped.",
  )
  .exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : 2));

program
  .command('nice-mnist')
  .description('NICE on MNIST (Dinh, Krueger, Bengio 2014): test log-likelihood, 1980.50 in the paper')
  .option('--epochs <integer>', 'epochs in all, those of earlier runs included', positive, 1500)
  .option('--minutes <number>', 'stop after this time', positive)
  .addOption(new Option('--backend <name>', 'default: the best that is here').choices([...backendNames]))
  .option('--seed <integer>', 'all randomness comes from it', positive, 1)
  .option('--out <folder>', 'where the checkpoint, the log and the result go', 'reproduce-nice-mnist')
  .action(
    async (options: {
      epochs: number;
      minutes?: number;
      backend?: (typeof backendNames)[number];
      seed: number;
      out: string;
    }) => {
      const backend = await loadBackend(options.backend);
      const interrupt = new AbortController();
      process.once('SIGINT', () => interrupt.abort());
      // npm runs scripts at the root; a relative folder means the folder the user stands in.
      const out = resolve(process.env.INIT_CWD ?? '.', options.out);
      await reproduceNice({ ...options, backend, out, signal: interrupt.signal, log: console.log });
    },
  );

function positive(text: string): number {
  const value = Number(text);
  if (value > 0 && Number.isFinite(value)) return value;
  throw new InvalidArgumentError('It must be a positive number.');
}

program.parseAsync().then(
  () => process.exit(0),
  (error) => {
    console.error(`reproduce: ${isTfkitError(error) ? error.message : (error.stack ?? error)}`);
    process.exit(1);
  },
);
