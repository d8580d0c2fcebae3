/** The command: returns the exit code 0 (scored), 1 (below a gate), 2 (something is wrong). */
import { readFileSync, writeFileSync } from 'node:fs';
import { isTfkitError, OptionError } from '@tfkit/core';
import { ConfusionMatrix } from '../counts/confusionMatrix';
import { parseConfusionMatrix } from '../counts/parse';
import { nnunetSummary } from '../io/nnunet';
import { PanopticQuality, panopticFormat } from '../panoptic/panopticQuality';
import { evaluateAll } from './evaluateAll';
import { fileError } from './fileError';
import { htmlReport, panopticHtml } from './html';
import {
  checkMode,
  helpText,
  modeOf,
  type ParsedArguments,
  parseArguments,
  type Settings,
  settingsOf,
} from './options';
import { type Pair, pairFiles } from './pairs';
import { pairAnnotations } from './panoptic';
import { panopticCsv, panopticJson, panopticText } from './panopticReport';
import { buildReport, type Report, reportJson } from './report';
import { classCsv, imageCsv, tableText } from './text';

/** Where a run writes; a test's own, or the process's. */
export interface Streams {
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
  readonly isTerminal: boolean;
  readonly workerFile: URL;
}

export async function run(argv: readonly string[], streams: Streams): Promise<number> {
  try {
    const parsed = parseArguments(argv);
    if (parsed.values.help || argv.length === 0) {
      streams.out(helpText());
      return argv.length === 0 ? 2 : 0;
    }
    const mode = modeOf(parsed);
    checkMode(parsed, mode);
    if (mode === 'merge') return await merge(parsed, streams);
    const settings = settingsOf(parsed, mode);
    return await (mode === 'panoptic' ? scorePanoptic(settings, streams) : scoreMaps(settings, streams));
  } catch (error) {
    const { message, stack, code } = error as Error & { code?: unknown };
    streams.err(`${message.startsWith('seg-metrics') ? message : `seg-metrics: ${message}`}\n`);
    // Files that cannot be read or written have a code; what is neither that nor one of our errors is a fault of ours.
    if (!isTfkitError(error) && code === undefined) streams.err(`${stack}\n`);
    return 2;
  }
}

async function scoreMaps(settings: Settings, streams: Streams): Promise<number> {
  const { pairs, problems: unpaired } = pairFiles(settings.prediction, settings.target, settings);
  const { results, problems } = await evaluateAll('maps', pairs, settings, {
    jobs: settings.jobs,
    progress: progressBar(pairs.length, settings, streams),
    workerFile: streams.workerFile,
  });
  if (unpaired.length + problems.length > 0) return refuse([...unpaired, ...problems], streams);
  const { numClasses, ignoreIndex, classNames } = settings;
  const matrix = new ConfusionMatrix({ numClasses, ignoreIndex, classNames, keepImages: true });
  for (const { matrix: json } of results) matrix.merge(parseConfusionMatrix(json));
  return finishMaps(buildReport(matrix, results, settings), pairs, streams);
}

async function finishMaps(report: Report, pairs: readonly Pair[], streams: Streams): Promise<number> {
  await writeOutputs(report.settings.outputs, streams, {
    table: () => tableText(report),
    json: () => `${reportJson(report)}\n`,
    csv: () => classCsv(report),
    perImage: () => imageCsv(report),
    html: () => htmlReport(report, pairs),
    nnunetSummary: () => `${nnunetJson(report, pairs)}\n`,
  });
  const { miou, mdice, pa } = report.overall;
  return gate(report.settings, { miou: miou!, dice: mdice!, pa: pa! }, streams);
}

async function scorePanoptic(settings: Settings, streams: Streams): Promise<number> {
  const { pairs, categories, problems: unpaired } = await pairAnnotations(settings);
  const { prediction, target, maxPixels, jobs } = settings;
  const imageSettings = { prediction, target, maxPixels, categories };
  const { results, problems } = await evaluateAll('panoptic', pairs, imageSettings, {
    jobs,
    progress: progressBar(pairs.length, settings, streams),
    workerFile: streams.workerFile,
  });
  if (unpaired.length + problems.length > 0) return refuse([...unpaired, ...problems], streams);
  const images = results.map(PanopticQuality.fromJSON);
  const quality = images.reduce((sum, image) => sum.merge(image), new PanopticQuality({ categories }));
  return finishPanoptic(quality, settings, streams, () =>
    panopticHtml(quality, images, pairs, imageSettings),
  );
}

async function finishPanoptic(
  quality: PanopticQuality,
  settings: Settings,
  streams: Streams,
  html: () => Promise<string>,
): Promise<number> {
  await writeOutputs(settings.outputs, streams, {
    table: () => panopticText(quality),
    json: () => `${panopticJson(quality)}\n`,
    csv: () => panopticCsv(quality),
    html,
  });
  return gate(settings, { pq: quality.result().all.pq }, streams);
}

type Output = 'json' | 'csv' | 'perImage' | 'html' | 'nnunetSummary';

/** Each output that is asked for; the table too, unless one of them takes the standard output. */
async function writeOutputs(
  outputs: Settings['outputs'],
  streams: Streams,
  texts: { readonly table: () => string } & Readonly<Partial<Record<Output, () => string | Promise<string>>>>,
): Promise<void> {
  if (!Object.values(outputs).includes('-')) streams.out(texts.table());
  for (const [name, file] of Object.entries(outputs) as [Output, string | undefined][]) {
    if (file === undefined) continue;
    const text = await texts[name]!();
    if (file === '-') streams.out(text);
    else writeFileSync(file, text);
  }
}

function nnunetJson({ matrix, settings }: Report, pairs: readonly Pair[]): string {
  const { metric_per_case: cases, ...means } = nnunetSummary(matrix, settings.regions);
  const named = cases.map((row, i) => ({
    ...row,
    prediction_file: pairs[i]!.prediction ?? '',
    reference_file: pairs[i]!.target,
  }));
  // nnU-Net's JSON holds bare NaN, as Python's json writes it.
  return JSON.stringify(
    { ...means, metric_per_case: named },
    (_, value) => (typeof value === 'number' && Number.isNaN(value) ? '<NaN>' : value),
    4,
  ).replaceAll('"<NaN>"', 'NaN');
}

/** Adds the counts of earlier runs, all of label maps or all panoptic. */
async function merge(parsed: ParsedArguments, streams: Streams): Promise<number> {
  const { positionals, values } = parsed;
  const files = positionals.slice(1);
  if (files.length === 0) throw new OptionError('seg-metrics merge: arguments must be JSON files, got none.');
  const states = files.map((file) => {
    try {
      const json = JSON.parse(readFileSync(file, 'utf8'));
      const state = json?.matrix ?? json?.state ?? json;
      return state?.format === panopticFormat ? PanopticQuality.fromJSON(state) : parseConfusionMatrix(state);
    } catch (error) {
      throw fileError(file, error);
    }
  });
  const names = [files.join(' + '), 'their targets'];
  const panoptic = states.filter((state) => state instanceof PanopticQuality);
  checkMode(parsed, panoptic.length > 0 ? 'panoptic' : 'maps');
  if (panoptic.length > 0) {
    const [first, ...rest] = panoptic as [PanopticQuality, ...PanopticQuality[]];
    if (panoptic.length < states.length) {
      throw new OptionError('seg-metrics merge: files must be all of label maps, or all panoptic.');
    }
    for (const quality of rest) first.merge(quality);
    const settings = settingsOf({ positionals: names, values }, 'panoptic');
    const imageSettings = { ...settings, categories: first.categories };
    return finishPanoptic(first, settings, streams, () => panopticHtml(first, [], [], imageSettings));
  }
  const [first, ...rest] = states as [ConfusionMatrix, ...ConfusionMatrix[]];
  for (const matrix of rest) first.merge(matrix);
  const settings = settingsOf(
    { positionals: names, values: { ...values, classes: String(first.numClasses) } },
    'maps',
  );
  return finishMaps(buildReport(first, [], { ...settings, classNames: first.classNames }), [], streams);
}

function refuse(problems: readonly string[], streams: Streams): number {
  streams.err(
    `seg-metrics: nothing scored, ${problems.length} problem${problems.length === 1 ? '' : 's'}:\n`,
  );
  for (const problem of problems) streams.err(`  ${problem}\n`);
  return 2;
}

function gate(settings: Settings, values: Readonly<Record<string, number>>, streams: Streams): number {
  let code = 0;
  for (const [name, least] of Object.entries(settings.gates)) {
    if (least === undefined) continue;
    const value = values[name] ?? NaN;
    // NaN is below every gate: nothing was there to score.
    if (value >= least) continue;
    streams.err(`seg-metrics: ${name} ${value} is below --min-${name} ${least}\n`);
    code = 1;
  }
  return code;
}

function progressBar(all: number, settings: Settings, streams: Streams): (done: number) => void {
  if (settings.quiet || !streams.isTerminal) return () => {};
  return (done) => {
    const filled = Math.round((24 * done) / all);
    const end = done === all ? '\n' : '';
    streams.err(`\r[${'#'.repeat(filled)}${'.'.repeat(24 - filled)}] ${done}/${all} images${end}`);
  };
}
