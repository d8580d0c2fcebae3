/** Golden adapter: cases of the format in the reference data's README (closed lists of ops, metrics and options). */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { GoldenAdapter, GoldenCase } from '@tfkit/test-kit/golden';
import { compareGolden } from './golden/compare';
import { confusionCase } from './golden/confusion';
import { folderNifti, folderPanoptic, folderPng } from './golden/folders';
import { calibrationCase, panopticCase, polygonCase, rleCase } from './golden/structures';
import { boundaryCase, surfaceCase, surfaceMetric } from './golden/surfaces';

// biome-ignore lint/suspicious/noExplicitAny: the format's values are of any kind
export type Options = Record<string, any>;
/** Computes one expected entry of a case. */
export type Metric = (metric: string, options: Options) => unknown;

const ops: Record<string, (goldenCase: GoldenCase) => Metric | Promise<Metric>> = {
  confusion: ({ document }) => confusionCase(document.config, document.inputs),
  streaming: ({ document }) => confusionCase(document.config, document.inputs),
  cityscapes: ({ document }) => confusionCase(document.config, document.inputs),
  surface: ({ document }) => surfaceCase(document.config, document.inputs),
  'surface-multiclass': ({ document: { inputs } }) => surfaceMetric(inputs),
  boundary: ({ document }) => boundaryCase(document.config, document.inputs),
  panoptic: ({ document }) => panopticCase(document.config, document.inputs),
  rle: ({ document }) => rleCase(document.config, document.inputs),
  polygon: ({ document }) => polygonCase(document.config),
  calibration: ({ document }) => calibrationCase(document.config, document.inputs),
  'folder-png': ({ document, folder }) => folderPng(document.config, folder, readFile),
  'folder-panoptic': ({ document, folder }) =>
    folderPanoptic(document.config, (path) => readFile(join(folder, path))),
  'folder-nifti': ({ document, folder }) =>
    folderNifti(document.config, document.inputs, (path) => readFile(join(folder, path))),
};

const adapter: GoldenAdapter = {
  needsBackend: false,
  async check(goldenCase) {
    const { config, expected, format } = goldenCase.document;
    if (format !== 1) throw new Error(`unknown format ${format}`);
    const start = ops[config.op];
    if (!start) throw new Error(`unknown op '${config.op}'`);
    const compute = await start(goldenCase);
    const faults: string[] = [];
    for (const { metric, options, values, compare, tolerance } of expected) {
      if (!compare) continue;
      const place = `${metric} ${JSON.stringify(options)}`;
      try {
        const fault = compareGolden(compute(metric, options), values, tolerance);
        if (fault) faults.push(`${place}: ${fault}`);
      } catch (error) {
        faults.push(`${place}: ${(error as Error).message}`);
      }
    }
    if (faults.length > 0) throw new Error(`${faults.length} differ, the first: ${faults[0]}`);
    return undefined;
  },
};

export default adapter;
