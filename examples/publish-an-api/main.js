/**
 * Gives a small package a public API by names in its sources, breaks it, and sees the break refused:
 *
 *   node publish-an-api/main.js
 *
 * It runs `npx tf-export` as you would, on a copy of the folder `package` beside it. Three of these commands are for your
 * own repository: `generate` when names change, `golden --update` to accept a change of the API, `check` in CI.
 */
import { spawnSync } from 'node:child_process';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

const folder = await mkdtemp(join(import.meta.dirname, '.copy-'));
const manifest = createRequire(import.meta.url).resolve('@tfkit/tf-export-decorator/package.json');
const { bin } = JSON.parse(await readFile(manifest, 'utf8'));

/** What `npx tf-export <args>` is, without npx. Prints the command and what it says. */
function tfExport(...args) {
  const program = join(dirname(manifest), bin['tf-export']);
  const { status, stdout, stderr } = spawnSync(process.execPath, [program, ...args], {
    cwd: folder,
    encoding: 'utf8',
  });
  console.log(
    `$ tf-export ${args.join(' ')}\n${stdout}${stderr}${status === 0 ? '' : `exit code ${status}\n`}`,
  );
}

try {
  await cp(join(import.meta.dirname, 'package'), folder, { recursive: true });

  // The sources name what is public, in a JSDoc tag: nn.relu, nn.swish. The entry points follow from that.
  tfExport('scan');
  tfExport('generate', '--write-exports');
  console.log(await readFile(join(folder, 'src/api/nn.ts'), 'utf8'));

  // Version 1.0.0 goes out: its API is what users have.
  tfExport('golden', '--update');
  tfExport('release');

  // A pull request makes an optional parameter required.
  const source = join(folder, 'src/relu.ts');
  await writeFile(
    source,
    (await readFile(source, 'utf8')).replace('max = Number.POSITIVE_INFINITY', 'max: number'),
  );
  tfExport('golden', '--update');
  tfExport('check');

  // Its author says so in a changeset, and the next release will be 2.0.0.
  await writeFile(
    join(folder, '.changeset/limit.md'),
    '---\n"activations": major\n---\n\nrelu needs its limit.\n',
  );
  tfExport('check');
} finally {
  await rm(folder, { recursive: true, force: true });
}
