/**
 * Golden cases: reference results of other programs, one JSON file (or one folder with an `expected.json`) a case.
 *
 * A package's `test/golden.ts` exports a `GoldenAdapter`; `runGolden` feeds it every case of a folder. It knows no file
 * names: any folder of cases in that format works. `README.md` and `index.json` are not cases.
 */
import { readdir, readFile, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';

/** One case as the adapter sees it. `document` is the parsed JSON, of the format that the folder's README defines. */
export interface GoldenCase {
  readonly name: string;
  // biome-ignore lint/suspicious/noExplicitAny: every package has its own format, checked by its adapter
  readonly document: any;
  /** The folder that holds the files the case refers to. */
  readonly folder: string;
  readonly backend: string;
}

/** Returned instead of passing: why this backend cannot hold the case. An unknown op is an error, never a skip. */
export interface GoldenSkip {
  readonly skip: string;
}

export interface GoldenAdapter {
  /** Whether cases need a tfjs backend to be set. Default true. */
  readonly needsBackend?: boolean;
  /** Runs one case; throws with what differs. */
  check(goldenCase: GoldenCase): Promise<GoldenSkip | undefined>;
}

export interface GoldenResult {
  readonly name: string;
  readonly outcome: 'passed' | 'failed' | 'skipped';
  readonly reason: string;
}

/** The paths of all cases below a folder, sorted. */
export async function findGoldenCases(folder: string): Promise<string[]> {
  const entries = (await readdir(folder)).sort();
  const cases: string[] = [];
  for (const entry of entries) {
    const path = join(folder, entry);
    if ((await stat(path)).isDirectory()) {
      if ((await readdir(path)).includes('expected.json')) cases.push(path);
    } else if (entry.endsWith('.json') && entry !== 'index.json') {
      cases.push(path);
    }
  }
  return cases;
}

export async function readGoldenCase(path: string, backend: string): Promise<GoldenCase> {
  const isFolder = (await stat(path)).isDirectory();
  const text = await readFile(isFolder ? join(path, 'expected.json') : path, 'utf8');
  return {
    name: basename(path),
    document: JSON.parse(text),
    folder: isFolder ? path : join(path, '..'),
    backend,
  };
}

/** Runs every case of a folder, in order; `report` is told each result as it comes. */
export async function runGolden(
  adapter: GoldenAdapter,
  folder: string,
  backend: string,
  report: (result: GoldenResult) => void = () => {},
): Promise<GoldenResult[]> {
  const results: GoldenResult[] = [];
  for (const path of await findGoldenCases(folder)) {
    const result = await runCase(adapter, path, backend);
    results.push(result);
    report(result);
  }
  return results;
}

async function runCase(adapter: GoldenAdapter, path: string, backend: string): Promise<GoldenResult> {
  const name = basename(path);
  try {
    const skipped = await adapter.check(await readGoldenCase(path, backend));
    if (skipped) return { name, outcome: 'skipped', reason: skipped.skip };
    return { name, outcome: 'passed', reason: '' };
  } catch (error) {
    return { name, outcome: 'failed', reason: (error as Error).message ?? String(error) };
  }
}
