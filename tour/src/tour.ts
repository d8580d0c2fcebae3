/** Runs stages one after the other, keeps their results and writes the report after each. */
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { cpus, platform, release, totalmem } from 'node:os';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { SelectedBackend } from '@tfkit/core/tfjs';
import type { Progress } from './progress';
import { type Machine, renderPage, type StageOutcome } from './report/page';
import { renderBlock } from './report/render';
import { hasResults, readResult, writeResults } from './results';
import type { Stage, StageContext } from './stage';

/** What the user asked for cannot be done; the message is one line for the terminal. */
export class UsageError extends Error {
  override name = 'UsageError' as const;
}

export interface TourOptions {
  readonly stages: readonly Stage[];
  readonly selected: SelectedBackend;
  readonly tfjs: string;
  readonly seed: number;
  readonly quick: boolean;
  /** As `--ranks`. Default 2. */
  readonly ranks?: number;
  /** Folder of the report; `data/` in it holds the results. It exists. */
  readonly out: string;
  readonly signal: AbortSignal;
  readonly progress: Progress;
}

/** The stages of these names in the order of `all`; all of them if there are none. */
export function chooseStages(all: readonly Stage[], names: readonly string[]): readonly Stage[] {
  const known = all.map(({ name }) => name);
  const unknown = names.filter((name) => !known.includes(name));
  if (unknown.length > 0) {
    throw new UsageError(
      `no stage is named ${unknown.map((name) => `'${name}'`).join(', ')}: the stages are ${known.join(', ')}`,
    );
  }
  return names.length === 0 ? all : all.filter(({ name }) => names.includes(name));
}

/** Every stage that one of `stages` needs must come before it or have saved its results in an earlier run. */
export async function checkNeeds(stages: readonly Stage[], out: string): Promise<void> {
  const before = new Set<string>();
  for (const { name, needs } of stages) {
    for (const need of needs) {
      if (before.has(need) || (await hasResults(join(out, 'data'), need))) continue;
      throw new UsageError(
        `the stage '${name}' reads the results of '${need}', which has not run: --stage ${need} ${name}`,
      );
    }
    before.add(name);
  }
}

/** Makes the folder and proves that it can be written. Leaves nothing behind if it cannot. */
export async function prepareFolder(out: string): Promise<void> {
  const probe = join(out, `.write-test-${process.pid}`);
  try {
    await mkdir(out, { recursive: true });
    await writeFile(probe, '');
    await rm(probe);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw new UsageError(`the report cannot be written to ${out} (${code ?? message}): choose another --out`);
  }
}

/** Runs the stages. Rejects with the signal's reason if it is aborted; the report then holds what was finished. */
export async function runTour(options: TourOptions): Promise<readonly StageOutcome[]> {
  const { stages, selected, seed, quick, out, signal, progress } = options;
  const date = new Date();
  const outcomes: StageOutcome[] = [];
  for (const [index, stage] of stages.entries()) {
    outcomes.push(await runStage(stage, date, options));
    const remaining = stages.slice(index + 1);
    const machine = describeMachine(options.tfjs);
    const report = { date, seed, quick, machine, selected, outcomes, remaining };
    await writeReport(join(out, 'index.html'), renderPage(report));
  }
  progress.close();
  signal.throwIfAborted();
  return outcomes;
}

async function runStage(
  stage: Stage,
  date: Date,
  { selected, seed, quick, ranks = 2, out, signal, progress }: TourOptions,
): Promise<StageOutcome> {
  const data = join(out, 'data');
  const saved = new Map<string, unknown>();
  const loaded = new Set<string>();
  const context: StageContext = {
    seed,
    quick,
    ranks,
    backend: selected.name,
    signal,
    progress: async (fraction, text) => {
      progress.update(fraction, text);
      await nextTurn();
      signal.throwIfAborted();
    },
    save: (name, value) => void saved.set(name, value),
    load: async <T>(from: string, name: string): Promise<T> => {
      if (!stage.needs.includes(from)) {
        throw new Error(`the stage '${stage.name}' must name '${from}' in its needs to load from it`);
      }
      const { origin, value } = await readResult(data, from, name);
      if (origin.date.getTime() !== date.getTime()) {
        const kind = `${origin.quick ? 'quick ' : ''}run of ${origin.date.toISOString().slice(0, 16)}`;
        loaded.add(`reads ${from}'s results of the ${kind}, seed ${origin.seed}`);
      }
      return value as T;
    },
  };
  const start = performance.now();
  const outcome = (result: StageOutcome['result']): StageOutcome => ({
    stage,
    seconds: (performance.now() - start) / 1000,
    result,
    loaded: [...loaded],
  });
  progress.start(stage.name);
  try {
    await context.progress(0, 'starting');
    const body = (await stage.run(context)).map(renderBlock);
    signal.throwIfAborted();
    await writeResults(data, stage.name, { date, seed, quick }, saved);
    progress.finish(outcome({ body }).seconds);
    return outcome({ body });
  } catch (error) {
    const failure = error instanceof Error ? error.message : String(error);
    progress.fail(signal.aborted ? 'stopped' : failure);
    if (signal.aborted) throw signal.reason;
    return outcome({ failure });
  }
}

async function writeReport(file: string, page: string): Promise<void> {
  await writeFile(`${file}.partial`, page);
  await rename(`${file}.partial`, file);
}

function describeMachine(tfjs: string): Machine {
  const processors = cpus();
  return {
    processor: processors[0]?.model.trim() || 'unknown processor',
    cores: processors.length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    system: `${platform()} ${release()}`,
    node: process.versions.node,
    tfjs,
  };
}
