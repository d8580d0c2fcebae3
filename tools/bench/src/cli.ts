/** `npm run bench -- --package <name> [--json] [--quick] [--no-write]` */
import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { Command } from 'commander';
import { peerEnvironment } from './measure';
import { resultPage, terminalTable } from './report';
import type { Bench } from './rows';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const program = new Command('bench')
  .description("Time a package's work, and that of its peers where PEER_PYTHON names a Python that has them.")
  .requiredOption('--package <name>', 'folder name under packages/')
  .option('--json', 'print the rows as JSON')
  .option('--quick', 'fewer repetitions; nothing is written')
  .option('--no-write', 'do not update benchmarks/results')
  .exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : 2));

async function main(): Promise<number> {
  program.parse();
  const options = program.opts<{ package: string; json?: boolean; quick?: boolean; write: boolean }>();
  const file = join(root, 'packages', options.package, 'bench', 'index.ts');
  if (!existsSync(file)) {
    console.error(`bench: no benchmark for '${options.package}': ${file} does not exist`);
    return 2;
  }
  const bench: Bench = (await import(pathToFileURL(file).href)).default;
  const peerPython = process.env.PEER_PYTHON || undefined;
  if (!peerPython) console.error('bench: PEER_PYTHON is not set: rows that need a Python peer are left out');
  const rows = await bench({
    peerPython,
    quick: options.quick ?? false,
    log: (text) => console.error(text),
  });
  console.log(options.json ? JSON.stringify(rows, null, 2) : terminalTable(rows));
  if (options.write && !options.quick) {
    const page = join(root, 'benchmarks', 'results', `${options.package}.md`);
    await writeFile(page, resultPage(options.package, rows));
    console.error(`bench: wrote ${page}`);
  }
  return 0;
}

// Native backends in this process get the same malloc as the peers, which glibc reads at start.
const tuned = peerEnvironment(Number(process.env.BENCH_THREADS ?? 1));
if (process.env.MALLOC_TOP_PAD_ === undefined && process.platform === 'linux') {
  const { spawnSync } = await import('node:child_process');
  const { status } = spawnSync(process.execPath, [...process.execArgv, ...process.argv.slice(1)], {
    env: tuned,
    stdio: 'inherit',
  });
  process.exit(status ?? 1);
}
main().then(
  (code) => process.exit(code),
  (error) => {
    console.error(`bench: ${error instanceof Error ? (error.stack ?? error.message) : error}`);
    process.exit(1);
  },
);
