/** `npm run golden -- --package <name> --dir <folder> [--backend cpu]` */
import { existsSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { ensureGradients, ensureKernels } from '@tfkit/core/tfjs';
import { repositoryRoot } from '@tfkit/test-kit/availability';
import { type GoldenAdapter, runGolden } from '@tfkit/test-kit/golden';
import { loadNodeBackend, nodeBackends } from '@tfkit/test-kit/node-backends';
import { Command, Option } from 'commander';

const program = new Command('golden')
  .description(
    "Run a folder of reference cases through a package's adapter (packages/<name>/test/golden.ts).",
  )
  .requiredOption('--package <name>', 'folder name under packages/')
  .requiredOption('--dir <folder>', 'folder of cases')
  .addOption(new Option('--backend <name>', 'tfjs backend').choices([...nodeBackends]).default('cpu'))
  .exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : 2));

async function main(): Promise<number> {
  program.parse();
  const options = program.opts<{ package: string; dir: string; backend: (typeof nodeBackends)[number] }>();
  // npm runs scripts at the root; a relative folder means the folder the user stands in.
  const folder = resolve(process.env.INIT_CWD ?? '.', options.dir);
  const file = join(repositoryRoot, 'packages', options.package, 'test', 'golden.ts');
  if (!existsSync(file)) return refuse(`no golden adapter for '${options.package}': ${file} does not exist`);
  if (!existsSync(folder) || !statSync(folder).isDirectory())
    return refuse(`--dir ${folder} is not a folder`);

  const adapter: GoldenAdapter = (await import(pathToFileURL(file).href)).default;
  if (adapter.needsBackend !== false) {
    await loadNodeBackend(options.backend);
    await ensureGradients();
    await ensureKernels();
  }
  const results = await runGolden(adapter, folder, options.backend, ({ name, outcome, reason }) => {
    if (outcome !== 'passed')
      console.log(`${outcome === 'failed' ? 'FAILED' : 'skipped'} ${name}: ${reason}`);
  });
  const count = (outcome: string) => results.filter((result) => result.outcome === outcome).length;
  if (results.length === 0) return refuse(`${folder} holds no cases`);
  console.log(`${count('passed')} passed, ${count('failed')} failed, ${count('skipped')} skipped`);
  return count('failed') > 0 ? 1 : 0;
}

function refuse(message: string): number {
  console.error(`golden: ${message}`);
  return 2;
}

main().then(
  (code) => process.exit(code),
  (error) => process.exit(refuse(error instanceof Error ? error.message : String(error))),
);
