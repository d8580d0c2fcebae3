/** The command line: one table gives parsing, checks and help. */
import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
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

type Kind = 'string' | 'boolean';
const table: Record<string, [kind: Kind, argument: string, help: string]> = {
  classes: ['string', 'N|FILE', 'number of classes, or a text file with one name a line'],
  nnunet: ['string', 'dataset.json', 'take classes, regions and the ignored label from nnU-Net'],
  ignore: ['string', 'LABEL', 'target label whose pixels are left out (default: none)'],
  'out-of-range': ['string', 'error|count', 'labels that are no class: refuse (default), or count as missed'],
  map: ['string', 'NAME|FILE', 'map labels of both sides: \'cityscapes\', or JSON {"from": to}'],
  'map-pred': ['string', 'NAME|FILE', 'map labels of the predictions'],
  'map-gt': ['string', 'NAME|FILE', 'map labels of the targets'],
  'reduce-zero-label': ['boolean', '', 'target 0 is ignored as 255, others lose 1 (ADE20K)'],
  palette: ['string', 'FILE', 'colour-coded PNG: JSON {"r,g,b": class}'],
  suffix: ['string', '_pred/_gt', 'endings of the stems that do not take part in pairing'],
  'allow-missing': ['boolean', '', 'count an image without prediction as predicted nowhere'],
  metrics: ['string', 'LIST', `distances to compute as well: ${distanceMetrics.join(',')}`],
  'no-background': ['boolean', '', 'leave class 0 out of means and distances'],
  tolerance: ['string', 'D', 'tolerance of nsd, in units of spacing (default 1)'],
  spacing: ['string', 'Y,X', 'pixel spacing, overrides that of the files'],
  empty: ['string', 'inf|diagonal|nan|exclude', 'distance where one side lacks the class (default inf)'],
  'ignore-affine': ['boolean', '', 'score NIfTI pairs whose affines differ'],
  policy: ['string', 'NAME', `absent classes: ${absentClassPolicies.join(', ')}`],
  preset: ['string', 'NAME', `also print the numbers of ${presetNames.join(', ')}`],
  bootstrap: ['string', 'N', 'resamples for 95 % intervals over images (default 0: none)'],
  jobs: ['string', 'N', 'worker threads (default: the number of processors)'],
  json: ['string', 'FILE', 'scores and raw counts as JSON (- for stdout)'],
  csv: ['string', 'FILE', 'per-class table as CSV (- for stdout)'],
  'per-image': ['string', 'FILE', 'per-image scores as CSV'],
  html: ['string', 'FILE', 'self-contained report'],
  'nnunet-summary': ['string', 'FILE', "nnU-Net's summary.json"],
  'min-miou': ['string', 'X', 'exit with 1 if mIoU is below X'],
  'min-dice': ['string', 'X', 'exit with 1 if mean Dice is below X'],
  'min-pa': ['string', 'X', 'exit with 1 if pixel accuracy is below X'],
  'min-pq': ['string', 'X', 'exit with 1 if panoptic quality is below X'],
  'max-pixels': ['string', 'N', 'refuse larger files (default 268435456)'],
  quiet: ['boolean', '', 'no progress bar'],
  help: ['boolean', '', 'this text'],
};

/** The help text. */
export function helpText(): string {
  const rows = Object.entries(table).map(([name, [, argument, help]]) => {
    const left = `  --${name}${argument ? ` ${argument}` : ''}`;
    return left.length > 30 ? `${left}\n${' '.repeat(32)}${help}` : left.padEnd(32) + help;
  });
  return `Usage: seg-metrics PRED GT --classes N [options]
       seg-metrics pred.json gt.json [options]         COCO panoptic, PNGs beside the JSON
       seg-metrics merge a.json b.json ... [--json FILE]

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
  const options = Object.fromEntries(Object.entries(table).map(([name, [type]]) => [name, { type }]));
  try {
    const { positionals, values } = parseArgs({ args: [...argv], options, allowPositionals: true });
    return { positionals, values: values as ParsedArguments['values'] };
  } catch (error) {
    throw new OptionError(`seg-metrics: ${(error as Error).message.split('\n')[0]} Try --help.`);
  }
}

/** The settings of a run over label maps or panoptic files. Throws OptionError that names the option. */
export function settingsOf({ positionals, values }: ParsedArguments, panoptic: boolean): Settings {
  const [prediction, target, extra] = positionals;
  if (!prediction || !target || extra) {
    throw new OptionError(
      `seg-metrics: arguments must be PRED and GT, got ${positionals.length}. Try --help.`,
    );
  }
  const text = (name: string) => values[name] as string | undefined;
  const number = (name: string, fallback?: number) => {
    const value = text(name);
    if (value === undefined) return fallback;
    if (value.trim() !== '' && Number.isFinite(Number(value))) return Number(value);
    throw new OptionError(`seg-metrics: --${name} must be a number, got '${value}'.`);
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
  const dataset = classesOf(text('classes'), text('nnunet'), panoptic);
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
    ignoreIndex: number('ignore', dataset.ignoreIndex ?? (needsIgnore ? 255 : undefined)),
    outOfRange: oneOf('out-of-range', ['error', 'count'], 'error'),
    predictionMap: labelTable('map-pred', text('map-pred')) ?? map,
    targetMap: labelTable('map-gt', text('map-gt')) ?? map,
    palette: text('palette') ? readJson('palette', text('palette')!) : undefined,
    allowMissing: values['allow-missing'] === true,
    distances: distances as DistanceMetricName[],
    includeBackground: !noBackground,
    tolerance: number('tolerance', 1)!,
    spacing: text('spacing')?.split(',').map(Number),
    ignoreAffine: values['ignore-affine'] === true,
    maxPixels: number('max-pixels'),
    policy: oneOf('policy', absentClassPolicies, noBackground ? 'without-class-0' : 'nan-skipped'),
    preset: text('preset') ? oneOf('preset', presetNames, 'mmseg') : undefined,
    empty: oneOf('empty', ['inf', 'diagonal', 'nan', 'exclude'], 'inf'),
    bootstrap: number('bootstrap', 0)!,
    jobs: Math.max(1, Math.floor(number('jobs', availableParallelism())!)),
    quiet: values.quiet === true,
    outputs: {
      json: text('json'),
      csv: text('csv'),
      perImage: text('per-image'),
      html: text('html'),
      nnunetSummary: text('nnunet-summary'),
    },
    gates: {
      miou: number('min-miou'),
      dice: number('min-dice'),
      pa: number('min-pa'),
      pq: number('min-pq'),
    },
  };
}

function classesOf(
  classes: string | undefined,
  nnunet: string | undefined,
  panoptic: boolean,
): Omit<NnunetDataset, 'fileEnding'> {
  if (nnunet) return parseNnunetDataset(readJson('nnunet', nnunet));
  if (panoptic) return { numClasses: 1, classNames: ['0'] };
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
