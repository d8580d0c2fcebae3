/** A report as a table for people and as CSV. */
import { score } from '../scores/score';
import { perClassMetrics, type Report } from './report';

export const format = (value: number): string =>
  Number.isNaN(value) ? 'n/a' : Number.isFinite(value) ? value.toFixed(4) : String(value);

export function tableText(report: Report): string {
  const { scores, overall, matrix, settings, support, imageMeans, intervals } = report;
  const names = scores.iou.classNames;
  const rows = [
    ['class', ...perClassMetrics, 'target pixels'],
    ...names.map((name, i) => [
      name,
      ...perClassMetrics.map((metric) => format(scores[metric].perClass[i]!)),
      String(support[i]),
    ]),
    ['mean', ...perClassMetrics.map((metric) => format(scores[metric].value)), ''],
  ];
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  const lines = rows.map((row) =>
    row
      .map((cell, i) => (i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!)))
      .join('  ')
      .trimEnd(),
  );
  const within = (key: string) => {
    const interval = intervals[key];
    return interval ? `  [${format(interval.low)}, ${format(interval.high)}] 95 % over images` : '';
  };
  const used = `${scores.iou.classesUsed} of ${names.length} classes, policy ${settings.policy}`;
  return [
    ...lines,
    '',
    `${matrix.numImages} images, dataset-level counts, ${used}`,
    `mIoU ${format(overall.miou!)}${within('miou')}`,
    `mean Dice ${format(overall.mdice!)}${within('mdice')}`,
    `pixel accuracy ${format(overall.pa!)}${within('pa')}`,
    `mean class accuracy ${format(overall.mpa!)}, FWIoU ${format(overall.fwiou!)}, kappa ${format(overall.kappa!)}, MCC ${format(overall.mcc!)}`,
    `image-wise means: mIoU ${format(imageMeans.miou.value)}, Dice ${format(imageMeans.dice.value)} over ${imageMeans.miou.imagesUsed} images`,
    `ignored pixels ${matrix.ignoredPixels}, predictions that are no class ${matrix.invalidPredictions.reduce((a, b) => a + b, 0)}, targets that are no class ${matrix.invalidTargets}`,
    ...distanceLines(report),
    ...presetLines(report),
    '',
  ].join('\n');
}

function distanceLines({ distances, distanceUnit, settings }: Report): string[] {
  const units = { hd: distanceUnit, hd95: distanceUnit, assd: distanceUnit } as Record<string, string>;
  return distances.flatMap(({ metric, perClass, value }) => {
    const unit = units[metric]
      ? ` ${units[metric]}`
      : metric === 'nsd'
        ? ` at ${settings.tolerance} ${distanceUnit}`
        : '';
    return [
      `${metric} ${format(value)}${unit}${units[metric] ? `, empty masks: ${settings.empty}` : ''}`,
      ...perClass.map(({ label, mean }) => {
        const empties = [
          mean.emptyPrediction ? `${mean.emptyPrediction} without prediction` : '',
          mean.emptyTarget ? `${mean.emptyTarget} without target` : '',
          mean.bothEmpty ? `${mean.bothEmpty} without either` : '',
        ].filter(Boolean);
        const note = empties.length ? ` (${empties.join(', ')})` : '';
        return `  ${settings.classNames[label]}: ${format(mean.value)} over ${mean.used} images${note}`;
      }),
    ];
  });
}

function presetLines({ preset, settings }: Report): string[] {
  if (!preset) return [];
  return [
    `as ${settings.preset}:`,
    ...Object.entries(preset).map(
      ([name, value]) =>
        `  ${name} ${typeof value === 'number' ? format(value) : value.map(format).join(' ')}`,
    ),
  ];
}

const quoted = (cell: string) => (/[",\n]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell);
export const csv = (rows: readonly (readonly string[])[]) =>
  `${rows.map((row) => row.map(quoted).join(',')).join('\n')}\n`;

/** One row a class, then the means. */
export function classCsv({ scores, support, distances }: Report): string {
  const names = scores.iou.classNames;
  const distanceOf = (label: number) =>
    distances.map(({ perClass }) => String(perClass.find((row) => row.label === label)?.mean.value ?? ''));
  return csv([
    ['class', ...perClassMetrics, 'target_pixels', ...distances.map(({ metric }) => metric)],
    ...names.map((name, i) => [
      name,
      ...perClassMetrics.map((metric) => String(scores[metric].perClass[i])),
      String(support[i]),
      ...distanceOf(i),
    ]),
    [
      'mean',
      ...perClassMetrics.map((m) => String(scores[m].value)),
      '',
      ...distances.map((d) => String(d.value)),
    ],
  ]);
}

/** One row an image: its means, then IoU and distances of each class. */
export function imageCsv({ matrix, images, settings }: Report): string {
  const { policy, regions } = settings;
  const first = score(matrix, 'iou', { policy, regions });
  const distanceNames = images[0]?.distances.flatMap(({ label, values }) =>
    Object.keys(values).map((metric) => `${metric}_${settings.classNames[label]}`),
  );
  return csv([
    [
      'image',
      'miou',
      'mean_dice',
      ...first.classNames.map((name) => `iou_${name}`),
      ...(distanceNames ?? []),
    ],
    ...matrix.images.map((image, i) => {
      const one = matrix.image(i);
      const iou = score(one, 'iou', { policy, regions });
      const dice = score(one, 'dice', { policy, regions });
      const distances = images[i]?.distances.flatMap(({ values }) => Object.values(values)) ?? [];
      return [image.name, ...[iou.value, dice.value, ...iou.perClass, ...distances].map(String)];
    }),
  ]);
}
