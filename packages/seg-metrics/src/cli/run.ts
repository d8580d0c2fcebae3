/** The command: returns the exit code 0 (scored), 1 (below a gate), 2 (something is wrong). */
import { readFileSync, writeFileSync } from 'node:fs';
import { FormatError, OptionError } from '@tfkit/core';
import { ConfusionMatrix } from '../counts/confusionMatrix';
import { parseConfusionMatrix } from '../counts/parse';
import { nnunetSummary } from '../io/nnunet';
import { evaluateAll } from './evaluateAll';
import { htmlReport } from './html';
import { helpText, type ParsedArguments, parseArguments, type Settings, settingsOf } from './options';
import { type Pair, pairFiles } from './pairs';
import { evaluatePanoptic, panopticText } from './panoptic';
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
    if (parsed.positionals[0] === 'merge') return merge(parsed, streams);
    const panoptic = parsed.positionals.slice(0, 2).every((file) => file.endsWith('.json'));
    const settings = settingsOf(parsed, panoptic);
    return await (panoptic ? scorePanoptic(settings, streams) : scoreMaps(settings, streams));
  } catch (error) {
    const { name, message } = error as Error;
    streams.err(`${message.startsWith('seg-metrics') ? message : `seg-metrics: ${message}`}\n`);
    if (name === 'Error' || name === 'TypeError' || name === 'RangeError')
      streams.err(`${(error as Error).stack}\n`);
    return 2;
  }
}

async function scoreMaps(settings: Settings, streams: Streams): Promise<number> {
  const { pairs, problems: unpaired } = pairFiles(settings.prediction, settings.target, settings);
  const bar = progressBar(pairs.length, settings, streams);
  const { results, problems } = await evaluateAll(pairs, settings, bar, streams.workerFile);
  const all = [...unpaired, ...problems];
  if (all.length > 0) return refuse(all, streams);
  const { numClasses, ignoreIndex, classNames } = settings;
  const matrix = new ConfusionMatrix({ numClasses, ignoreIndex, classNames, keepImages: true });
  for (const { matrix: json } of results) matrix.merge(parseConfusionMatrix(json));
  const report = buildReport(matrix, results, settings);
  await writeOutputs(report, pairs, streams);
  const { miou, mdice, pa } = report.overall;
  return gate(settings, { miou: miou!, dice: mdice!, pa: pa! }, streams);
}

async function writeOutputs(report: Report, pairs: readonly Pair[], streams: Streams): Promise<void> {
  const { json, csv, perImage, html, nnunetSummary: summary } = report.settings.outputs;
  const toStdout = [json, csv, perImage].includes('-');
  if (!toStdout) streams.out(tableText(report));
  const write = (file: string | undefined, text: () => string) => {
    if (file === '-') streams.out(text());
    else if (file) writeFileSync(file, text());
  };
  write(json, () => `${reportJson(report)}\n`);
  write(csv, () => classCsv(report));
  write(perImage, () => imageCsv(report));
  if (html) writeFileSync(html, await htmlReport(report, pairs));
  write(summary, () => `${nnunetJson(report, pairs)}\n`);
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

async function scorePanoptic(settings: Settings, streams: Streams): Promise<number> {
  let bar: ((done: number) => void) | undefined;
  const { quality, problems } = await evaluatePanoptic(settings, (done, all) => {
    bar ??= progressBar(all, settings, streams);
    bar(done);
  });
  if (problems.length > 0) return refuse(problems, streams);
  const result = quality.result();
  const { json } = settings.outputs;
  const text = () =>
    `${JSON.stringify({ ...result, perCategory: Object.fromEntries(result.perCategory), state: quality }, null, 1)}\n`;
  if (json === '-') streams.out(text());
  else {
    streams.out(panopticText(quality));
    if (json) writeFileSync(json, text());
  }
  return gate(settings, { pq: result.all.pq }, streams);
}

function merge({ positionals, values }: ParsedArguments, streams: Streams): number {
  const files = positionals.slice(1);
  if (files.length === 0) throw new OptionError('seg-metrics merge: arguments must be JSON files, got none.');
  const matrices = files.map((file) => {
    try {
      const json = JSON.parse(readFileSync(file, 'utf8'));
      return parseConfusionMatrix(json.matrix ?? json);
    } catch (error) {
      throw new FormatError(`${file}: ${(error as Error).message}`);
    }
  });
  const [first, ...rest] = matrices as [ConfusionMatrix, ...ConfusionMatrix[]];
  for (const matrix of rest) first.merge(matrix);
  const settings = settingsOf(
    { positionals: ['merged', 'counts'], values: { ...values, classes: String(first.numClasses) } },
    false,
  );
  const merged = {
    ...settings,
    classNames: first.classNames,
    outputs: { ...settings.outputs, html: undefined },
  };
  const report = buildReport(first, [], merged);
  const { json } = settings.outputs;
  if (json !== '-') streams.out(tableText(report));
  if (json === '-') streams.out(`${reportJson(report)}\n`);
  else if (json) writeFileSync(json, `${reportJson(report)}\n`);
  const { miou, mdice, pa } = report.overall;
  return gate(settings, { miou: miou!, dice: mdice!, pa: pa! }, streams);
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
    const value = values[name];
    // NaN is below every gate: nothing was there to score.
    if (value !== undefined && value >= least) continue;
    streams.err(`seg-metrics: ${name} ${value ?? 'was not computed'} is below --min-${name} ${least}\n`);
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
