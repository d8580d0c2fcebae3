/** The command line: one table gives parsing, checks and help. */
import { existsSync, readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { dirname } from 'node:path';
import { parseArgs } from 'node:util';
import { OptionError } from '@tfkit/core';
import { type NnunetDataset, parseNnunetDataset } from '../io/nnunet';
import { type Preset, presetNames } from '../presets';
import type { Regions } from '../scores/classCounts';
import { type AbsentClassPolicy, absentClassPolicies } from '../scores/policies';
import type { EmptyMaskPolicy } from '../surfaces/emptyMasks';
import { labelTable } from './labelTables';

export const distanceMetrics = ['hd', 'hd95', 'assd', 'nsd', 'boundary-iou', 'boundary-f1'] as const;
export type DistanceMetricName = (typeof distanceMetrics)[number];

/** What one image's evaluation needs; plain data, so that it goes to a worker. */
export interface ImageSettings {
  readonly numClasses: number;
  readonly classNames: readonly string[];
  readonly ignoreIndex?: number;
  readonly outOfRange: 'count' | 'error';
  readonly predictionMap?: Readonly<Record<number, number>>;
  readonly targetMap?: Readonly<Record<number, number>>;
  readonly reduceZeroLabel: boolean;
  readonly palette?: Readonly<Record<string, number>>;
  readonly distances: readonly DistanceMetricName[];
  readonly includeBackground: boolean;
  readonly tolerance: number;
  readonly spacing?: readonly number[];
  readonly ignoreAffine: boolean;
  readonly maxPixels?: number;
}

export interface Settings extends ImageSettings {
  readonly prediction: string;
  readonly target: string;
  readonly predictionSuffix: string;
  readonly targetSuffix: string;
  readonly allowMissing: boolean;
  readonly policy: AbsentClassPolicy;
  readonly preset?: Preset;
  readonly regions?: Regions;
  readonly empty: EmptyMaskPolicy;
  readonly bootstrap: number;
  readonly jobs: number;
  readonly quiet: boolean;
  readonly outputs: Readonly<
    Record<'json' | 'csv' | 'perImage' | 'html' | 'nnunetSummary', string | undefined>
  >;
  readonly gates: Readonly<Record<'miou' | 'dice' | 'pa' | 'pq', number | undefined>>;
}

/** What is scored: folders of label maps, COCO panoptic JSON, or counts of earlier runs. */
export type Mode = 'maps' | 'panoptic' | 'merge';
const maps: readonly Mode[] = ['maps'];
const counts: readonly Mode[] = ['maps', 'merge'];
const segments: readonly Mode[] = ['panoptic', 'merge'];
const files: readonly Mode[] = ['maps', 'panoptic'];
const every: readonly Mode[] = ['maps', 'panoptic', 'merge'];

/** Each option's modes, argument ('' if it has none) and help. */
const table: Record<string, [modes: readonly Mode[], argument: string, help: string]> = {
  classes: [maps, 'N|FILE', 'number of classes, or a text file with one name a line'],
  nnunet: [counts, 'dataset.json', 'take classes, regions and the ignored label from nnU-Net'],
  ignore: [maps, 'LABEL', 'target label whose pixels are left out (default: none)'],
  'out-of-range': [maps, 'error|count', 'labels that are no class: refuse (default), or count as missed'],
  map: [maps, 'NAME|FILE', 'map labels of both sides: \'cityscapes\', or JSON {"from": to}'],
  'map-pred': [maps, 'NAME|FILE', 'map labels of the predictions'],
  'map-gt': [maps, 'NAME|FILE', 'map labels of the targets'],
  'reduce-zero-label': [maps, '', 'target 0 is ignored as 255, others lose 1 (ADE20K)'],
  palette: [maps, 'FILE', 'colour-coded PNG: JSON {"r,g,b": class}'],
  suffix: [maps, '_pred/_gt', 'endings of the stems that do not take part in pairing'],
  'allow-missing': [maps, '', 'count an image without prediction as predicted nowhere'],
  metrics: [maps, 'LIST', `distances to compute as well: ${distanceMetrics.join(',')}`],
  'no-background': [counts, '', 'leave class 0 out of means and distances'],
  tolerance: [maps, 'D', 'tolerance of nsd, in units of spacing (default 1)'],
  spacing: [maps, 'Y,X', 'pixel spacing, overrides that of the files'],
  empty: [maps, 'inf|diagonal|nan|exclude', 'distance where one side lacks the class (default inf)'],
  'ignore-affine': [maps, '', 'score NIfTI pairs whose affines differ'],
  policy: [counts, 'NAME', `absent classes: ${absentClassPolicies.join(', ')}`],
  preset: [counts, 'NAME', `also print the numbers of ${presetNames.join(', ')}`],
  bootstrap: [counts, 'N', 'resamples for 95 % intervals over images (default 0: none)'],
  jobs: [files, 'N', 'worker threads (default: the number of processors)'],
  json: [every, 'FILE', 'scores and raw counts as JSON (- for stdout)'],
  csv: [every, 'FILE', 'per-class table as CSV (- for stdout)'],
  'per-image': [counts, 'FILE', 'per-image scores as CSV (- for stdout)'],
  html: [every, 'FILE', 'self-contained report'],
  'nnunet-summary': [maps, 'FILE', "nnU-Net's summary.json"],
  'min-miou': [counts, 'X', 'exit with 1 if mIoU is below X'],
  'min-dice': [counts, 'X', 'exit with 1 if mean Dice is below X'],
  'min-pa': [counts, 'X', 'exit with 1 if pixel accuracy is below X'],
  'min-pq': [segments, 'X', 'exit with 1 if panoptic quality is below X, in [0, 1]'],
  'max-pixels': [files, 'N', 'refuse larger files (default 268435456)'],
  quiet: [every, '', 'no progress bar'],
  help: [every, '', 'this text'],
};

/** The help text. */
export function helpText(): string {
  const rows = Object.entries(table).map(([name, [, argument, help]]) => {
    const left = `  --${name}${argument ? ` ${argument}` : ''}`;
    return left.length > 30 ? `${left}\n${' '.repeat(32)}${help}` : left.padEnd(32) + help;
  });
  return `Usage: seg-metrics PRED GT --classes N [options]
       seg-metrics pred.json gt.json [options]         COCO panoptic, PNGs beside the JSON
       seg-metrics merge a.json b.json ... [options]   counts of earlier runs, from their --json

PRED and GT are folders (or two files) of label maps: PNG (palette, gray, colours), NIfTI(.gz), npy.
Files pair by stem. Exit codes: 0 scored, 1 below a --min-... gate, 2 something is wrong (listed by file).

${rows.join('\n')}
`;
}

export interface ParsedArguments {
  readonly positionals: readonly string[];
  readonly values: Readonly<Record<string, string | boolean | undefined>>;
}

export function parseArguments(argv: readonly string[]): ParsedArguments {
  const options = Object.fromEntries(
    Object.entries(table).map(
      ([name, [, argument]]) => [name, { type: argument ? 'string' : 'boolean' }] as const,
    ),
  );
  try {
    const { positionals, values } = parseArgs({ args: [...argv], options, allowPositionals: true });
    return { positionals, values: values as ParsedArguments['values'] };
  } catch (error) {
    throw new OptionError(`seg-metrics: ${(error as Error).message.split('\n')[0]} Try --help.`);
  }
}

const numberRules = {
  'whole number': Number.isInteger,
  'whole number >= 0': (value: number) => Number.isInteger(value) && value >= 0,
  'whole number >= 1': (value: number) => Number.isInteger(value) && value >= 1,
  'number > 0': (value: number) => value > 0,
  'number >= 0': (value: number) => value >= 0,
  'number in [0, 1]': (value: number) => value >= 0 && value <= 1,
};
type NumberRule = keyof typeof numberRules;

function numberOf(name: string, text: string, rule: NumberRule): number {
  const value = text.trim() === '' ? NaN : Number(text);
  if (Number.isFinite(value) && numberRules[rule](value)) return value;
  throw new OptionError(`seg-metrics: --${name} must be a ${rule}, got '${text}'.`);
}

/** What the arguments ask for. */
export function modeOf({ positionals: [first, second] }: ParsedArguments): Mode {
  if (first === 'merge') return 'merge';
  const json = [first, second].filter((path) => path?.endsWith('.json')).length;
  if (json === 1 && second !== undefined) {
    throw new OptionError('seg-metrics: PRED and GT must both be panoptic JSON, got one that is.');
  }
  return json === 2 ? 'panoptic' : 'maps';
}

/** Throws OptionError for an option that a mode has no use for. */
export function checkMode({ values }: ParsedArguments, mode: Mode): void {
  for (const name of Object.keys(values)) {
    if (table[name]![0].includes(mode)) continue;
    const what = { maps: 'label maps', panoptic: 'panoptic JSON', merge: 'merge' }[mode];
    throw new OptionError(`seg-metrics: --${name} has no meaning with ${what}. Try --help.`);
  }
}

/** The settings of a run over label maps or panoptic files. Throws OptionError that names the option. */
export function settingsOf({ positionals, values }: ParsedArguments, mode: Mode): Settings {
  const [prediction, target, extra] = positionals;
  if (!prediction || !target || extra) {
    throw new OptionError(
      `seg-metrics: arguments must be PRED and GT, got ${positionals.length}. Try --help.`,
    );
  }
  const text = (name: string) => values[name] as string | undefined;
  const number = (name: string, rule: NumberRule) => {
    const value = text(name);
    return value === undefined ? undefined : numberOf(name, value, rule);
  };
  const oneOf = <T extends string>(name: string, allowed: readonly T[], fallback: T): T => {
    const value = text(name) ?? fallback;
    if ((allowed as readonly string[]).includes(value)) return value as T;
    throw new OptionError(`seg-metrics: --${name} must be one of ${allowed.join(', ')}, got '${value}'.`);
  };
  const distances = (text('metrics') ?? '').split(',').filter(Boolean);
  for (const name of distances) {
    if (!(distanceMetrics as readonly string[]).includes(name)) {
      throw new OptionError(`seg-metrics: --metrics must list ${distanceMetrics.join(', ')}, got '${name}'.`);
    }
  }
  const dataset = classesOf(text('classes'), text('nnunet'), mode);
  const reduceZeroLabel = values['reduce-zero-label'] === true;
  const map = labelTable('map', text('map'));
  const [predictionSuffix = '', targetSuffix = ''] = (text('suffix') ?? '/').split('/');
  const noBackground = values['no-background'] === true;
  const needsIgnore = reduceZeroLabel || map || text('map-gt');
  return {
    ...{ prediction, target, predictionSuffix, targetSuffix, reduceZeroLabel },
    numClasses: dataset.numClasses,
    classNames: dataset.classNames,
    regions: dataset.regions,
    ignoreIndex: number('ignore', 'whole number') ?? dataset.ignoreIndex ?? (needsIgnore ? 255 : undefined),
    outOfRange: oneOf('out-of-range', ['error', 'count'], 'error'),
    predictionMap: labelTable('map-pred', text('map-pred')) ?? map,
    targetMap: labelTable('map-gt', text('map-gt')) ?? map,
    palette: text('palette') ? readJson('palette', text('palette')!) : undefined,
    allowMissing: values['allow-missing'] === true,
    distances: distances as DistanceMetricName[],
    includeBackground: !noBackground,
    tolerance: number('tolerance', 'number >= 0') ?? 1,
    spacing: text('spacing')
      ?.split(',')
      .map((step) => numberOf('spacing', step, 'number > 0')),
    ignoreAffine: values['ignore-affine'] === true,
    maxPixels: number('max-pixels', 'whole number >= 1'),
    policy: oneOf('policy', absentClassPolicies, noBackground ? 'without-class-0' : 'nan-skipped'),
    preset: text('preset') ? oneOf('preset', presetNames, 'mmseg') : undefined,
    empty: oneOf('empty', ['inf', 'diagonal', 'nan', 'exclude'], 'inf'),
    bootstrap: number('bootstrap', 'whole number >= 0') ?? 0,
    jobs: number('jobs', 'whole number >= 1') ?? availableParallelism(),
    quiet: values.quiet === true,
    outputs: outputsOf(text),
    gates: {
      miou: number('min-miou', 'number in [0, 1]'),
      dice: number('min-dice', 'number in [0, 1]'),
      pa: number('min-pa', 'number in [0, 1]'),
      pq: number('min-pq', 'number in [0, 1]'),
    },
  };
}

/** Where results go; told before an hour of scoring if a file cannot be there. */
function outputsOf(text: (name: string) => string | undefined): Settings['outputs'] {
  const options = {
    json: 'json',
    csv: 'csv',
    perImage: 'per-image',
    html: 'html',
    nnunetSummary: 'nnunet-summary',
  };
  const outputs = Object.entries(options).map(([key, name]) => [key, text(name)] as const);
  if (outputs.filter(([, file]) => file === '-').length > 1) {
    throw new OptionError("seg-metrics: only one output must go to '-', the standard output.");
  }
  for (const [key, file] of outputs) {
    if (file === undefined || file === '-' || existsSync(dirname(file))) continue;
    const name = options[key as keyof typeof options];
    throw new OptionError(`seg-metrics: --${name} must be in a folder that exists, got '${file}'.`);
  }
  return Object.fromEntries(outputs) as Settings['outputs'];
}

function classesOf(
  classes: string | undefined,
  nnunet: string | undefined,
  mode: Mode,
): Omit<NnunetDataset, 'fileEnding'> {
  if (nnunet) return parseNnunetDataset(readJson('nnunet', nnunet));
  if (mode === 'panoptic') return { numClasses: 1, classNames: ['0'] };
  if (classes === undefined) {
    throw new OptionError('seg-metrics: --classes must be given: a number, or a file with one name a line.');
  }
  if (/^\d+$/.test(classes)) {
    const numClasses = Number(classes);
    if (numClasses < 1 || numClasses > 16384) {
      throw new OptionError(`seg-metrics: --classes must be in [1, 16384], got ${classes}.`);
    }
    return { numClasses, classNames: Array.from({ length: numClasses }, (_, i) => String(i)) };
  }
  const names = readText('classes', classes)
    .split('\n')
    .map((line) => line.trim())
    .filter(Boolean);
  return { numClasses: names.length, classNames: names };
}

function readText(option: string, file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    throw new OptionError(`seg-metrics: --${option} must be a readable file, got '${file}'.`);
  }
}

export function readJson<T>(option: string, file: string): T {
  try {
    return JSON.parse(readText(option, file)) as T;
  } catch (error) {
    if ((error as Error).name === 'OptionError') throw error;
    throw new OptionError(`seg-metrics: --${option} must be JSON, got '${file}'.`);
  }
}
