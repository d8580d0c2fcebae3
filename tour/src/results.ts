/** What stages keep for later stages and runs: one file per result, `<folder>/<stage>/<name>.bin`. */
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { deserialize, serialize } from 'node:v8';

/** The run that a result came from. */
export interface Origin {
  readonly date: Date;
  readonly seed: number;
  readonly quick: boolean;
}

interface Stored {
  readonly origin: Origin;
  readonly value: unknown;
}

/** Replaces all results of a stage. Written beside and renamed, so that a reader sees the old ones or the new. */
export async function writeResults(
  folder: string,
  stage: string,
  origin: Origin,
  results: ReadonlyMap<string, unknown>,
): Promise<void> {
  if (results.size === 0) return;
  const partial = join(folder, `${stage}.partial`);
  await rm(partial, { recursive: true, force: true });
  await mkdir(partial, { recursive: true });
  for (const [name, value] of results) {
    await writeFile(join(partial, `${name}.bin`), serialize({ origin, value } satisfies Stored));
  }
  await rm(join(folder, stage), { recursive: true, force: true });
  await rename(partial, join(folder, stage));
}

export async function readResult(
  folder: string,
  stage: string,
  name: string,
): Promise<{ origin: Origin; value: unknown }> {
  const file = join(folder, stage, `${name}.bin`);
  let bytes: Buffer;
  try {
    bytes = await readFile(file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    throw new Error(
      `the stage '${stage}' has saved no '${name}' in ${folder}: run it first, \`npm start -- --stage ${stage}\``,
    );
  }
  try {
    const stored = deserialize(bytes) as Stored;
    if (stored.origin.date instanceof Date) return stored;
  } catch {
    // Not what `serialize` writes: told below.
  }
  throw new Error(`${file} is damaged: run the stage again, \`npm start -- --stage ${stage}\``);
}

/** True if the stage has saved results in this folder. */
export async function hasResults(folder: string, stage: string): Promise<boolean> {
  const names = await readdir(join(folder, stage)).catch(() => []);
  return names.some((name) => name.endsWith('.bin'));
}
