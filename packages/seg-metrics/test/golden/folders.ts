import { join } from 'node:path';
import { ConfusionMatrix, classMasks, type MapShape, PanopticQuality } from '../../src/index';
import { decodePng, type LabelMap, panopticIds, readLabelMap } from '../../src/io';
import type { Metric, Options } from '../golden';
import { matrixMetric, newMatrix } from './confusion';
import { panopticMetric, panopticOptions } from './structures';
import { boundaryMetric, pairMetric } from './surfaces';

type Read = (path: string) => Promise<Uint8Array>;

const boundaryNames = /^boundary_/;
const surfaceNames = /^(hausdorff|surface_distance|nsd|edge_pixels)/;

export async function folderPng(config: Options, folder: string, read: Read): Promise<Metric> {
  const files: { name: string }[] = config.files;
  const load = (side: string) =>
    Promise.all(files.map(async ({ name }) => readLabelMap(await read(join(folder, config[side], name)))));
  const targets = await load('target');
  const predictions = await load('pred');
  const updates = predictions.map((map, i) => newMatrix(config).update(map.data, targets[i]!.data));
  const matrices = matrixMetric(updates, config);
  const perFile = predictions.map((map, i) => classMetrics(map, targets[i]!, config));
  return (metric, options) => {
    if (!boundaryNames.test(metric) && !surfaceNames.test(metric)) return matrices(metric, options);
    const rows = perFile.map((file) => file(metric, { ...options, reduction: 'per_class' }) as number[]);
    if (options.scope === 'file') return rows;
    if (options.scope === 'total') {
      const sum = (name: string, i: number) =>
        perFile.reduce(
          (all, file) => all + (file(name, { ...options, reduction: 'per_class' }) as number[])[i]!,
          0,
        );
      return rows[0]!.map((_, i) => sum('boundary_intersection', i) / sum('boundary_union', i));
    }
    return rows[0]!.map((_, i) => {
      const defined = rows.map((row) => row[i]!).filter((value) => !Number.isNaN(value));
      return defined.reduce((a, b) => a + b, 0) / defined.length;
    });
  };
}

function classMetrics(prediction: LabelMap, target: LabelMap, config: Options, spacing?: number[]): Metric {
  const shape = [...target.shape];
  const labels = Array.from({ length: config.num_classes }, (_, i) => i);
  const masks = labels.map((label) => classMasks(prediction.data, target.data, label, config.ignore_index));
  const boundary = boundaryMetric(masks, shape as unknown as MapShape);
  const pairs = masks.map((pair) => pairMetric({ ...pair, shape, spacing }));
  return (metric, options) =>
    boundaryNames.test(metric) ? boundary(metric, options) : pairs.map((pair) => pair(metric, options));
}

export async function folderPanoptic(config: Options, read: Read): Promise<Metric> {
  const json = async (path: string) => JSON.parse(new TextDecoder().decode(await read(path)));
  const target = await json(config.target_json);
  const predicted = await json(config.pred_json);
  const panoptic = new PanopticQuality(panopticOptions({ ...config, categories: target.categories }));
  for (const annotation of target.annotations) {
    const match = predicted.annotations.find((other: Options) => other.image_id === annotation.image_id);
    const ids = async (side: string, file: string) =>
      panopticIds(await decodePng(await read(join(side, file))));
    panoptic.update(await ids(config.pred, match.file_name), await ids(config.target, annotation.file_name), {
      predictionSegments: match.segments_info,
      targetSegments: annotation.segments_info,
    });
  }
  return panopticMetric(panoptic);
}

export async function folderNifti(config: Options, inputs: Options, read: Read): Promise<Metric> {
  const prediction = await readLabelMap(await read(config.pred));
  const target = await readLabelMap(await read(config.target));
  checkVolume(prediction, inputs.pred, config.spacing);
  checkVolume(target, inputs.target, config.spacing);
  const matrix = new ConfusionMatrix({
    ...{ numClasses: config.num_classes, ignoreIndex: config.ignore_index, keepImages: true },
  });
  const matrices = matrixMetric([matrix.update(prediction.data, target.data)], config);
  const surfaces = classMetrics(prediction, target, config, [...target.spacing!]);
  return (metric, options) =>
    surfaceNames.test(metric) ? surfaces(metric, options) : matrices(metric, options);
}

/** The file's [z, y, x] data must be the case's [x, y, z] arrays, and pixdim the spacing. */
function checkVolume(map: LabelMap, expected: Options, spacing: number[]): void {
  const [nx, ny, nz] = expected.shape as [number, number, number];
  if (map.shape.join() !== [nz, ny, nx].join()) throw new Error(`read the shape ${map.shape}`);
  for (let x = 0; x < nx; x++) {
    for (let y = 0; y < ny; y++) {
      for (let z = 0; z < nz; z++) {
        const [got, want] = [map.data[(z * ny + y) * nx + x], expected.data[(x * ny + y) * nz + z]];
        if (got !== want) throw new Error(`read ${got} instead of ${want} at ${[x, y, z]}`);
      }
    }
  }
  const read = [...map.spacing!].reverse();
  if (read.some((step, i) => Math.abs(step - spacing[i]!) > 1e-6))
    throw new Error(`read the spacing ${read}`);
}
