import {
  Calibration,
  type CocoRle,
  decodeRle,
  encodeRle,
  type MaskSize,
  mergeRles,
  PanopticQuality,
  parseRle,
  polygonToRle,
  type Rle,
  rleArea,
  rleBox,
  rleIou,
  rleToString,
} from '../../src/index';
import type { Metric, Options } from '../golden';
import { numbersOf } from './compare';

export function panopticCase(config: Options, inputs: Options): Metric {
  const panoptic = new PanopticQuality(panopticOptions(config));
  for (let i = 0; i < config.images; i++) {
    panoptic.update(Int32Array.from(inputs[`pred_${i}`].data), Int32Array.from(inputs[`target_${i}`].data), {
      predictionSegments: config.pred_segments[i],
      targetSegments: config.target_segments[i],
    });
  }
  return panopticMetric(panoptic);
}

export const panopticOptions = (config: Options) => ({
  categories: config.categories,
  voidId: config.void_id,
  iouThreshold: config.iou_threshold,
});

export function panopticMetric(panoptic: PanopticQuality): Metric {
  const { perCategory, ...means } = panoptic.result();
  return (metric, options) => {
    if (metric === 'classes') return means[options.subset as 'all'].categories;
    if (options.reduction === 'mean') return means[options.subset as 'all'][metric as 'pq'];
    const key = metric === 'iou_sum' ? 'iouSum' : (metric as 'tp');
    return Object.fromEntries([...perCategory].map(([id, row]) => [id, row[key]]));
  };
}

export function rleCase(config: Options, inputs: Options): Metric {
  const rles = Object.fromEntries(
    Object.entries(inputs as Record<string, Options>).map(([name, mask]) => [name, encodeMask(mask)]),
  );
  const names = Object.keys(rles);
  const each = (value: (rle: Rle) => unknown) =>
    Object.fromEntries(names.map((name) => [name, value(rles[name]!)]));
  return (metric, options) => {
    switch (metric) {
      case 'rle_counts':
        return each((rle) => rle.counts);
      case 'rle_string':
        return each((rle) => roundTrip(rle));
      case 'mask_area':
        return each(rleArea);
      case 'bbox_xywh':
        return each(rleBox);
      case 'rle_merge':
        return rleToString(
          mergeRles(
            (options.masks as string[]).map((name) => rles[name]!),
            options.operation,
          ),
        );
      case 'mask_iou': {
        const masks = (options.masks as string[]).map((name) => rles[name]!);
        return masks.map((dt) => masks.map((gt) => rleIou(dt, gt, options.denominator === 'area_dt')));
      }
      default:
        throw new Error(`unknown metric '${metric}' of size ${config.size}`);
    }
  };
}

function encodeMask(mask: Options): Rle {
  const [rows, columns] = mask.shape as [number, number];
  if (!mask.rectangles) return encodeRle(mask.data, [rows, columns]);
  const data = new Uint8Array(rows * columns);
  for (const [y0, y1, x0, x1, value] of mask.rectangles as number[][]) {
    for (let y = y0!; y < y1!; y++) data.fill(value!, y * columns + x0!, y * columns + x1!);
  }
  return encodeRle(data, [rows, columns]);
}

/** The text, after it was read back and decoded to the same mask. */
function roundTrip(rle: Rle): string {
  const text = rleToString(rle);
  const parsed = parseRle({ size: rle.size, counts: text });
  if (parsed.counts.join() !== rle.counts.join()) throw new Error(`${text} reads as ${parsed.counts}`);
  const again = encodeRle(decodeRle(parsed), rle.size);
  if (again.counts.join() !== rle.counts.join()) throw new Error(`${text} decodes to another mask`);
  return text;
}

export function polygonCase(config: Options): Metric {
  const [rows, columns] = config.size as MaskSize;
  const polygons = Object.entries(config.polygons as Record<string, number[][]>);
  const each = (value: (rle: CocoRle & Rle) => unknown) =>
    Object.fromEntries(polygons.map(([name, parts]) => [name, value(polygonToRle(parts, [rows, columns]))]));
  return (metric) => {
    if (metric === 'mask_area') return each(rleArea);
    if (metric === 'rle_string') return each(roundTrip);
    if (metric === 'polygon_mask')
      return each((rle) => ({ shape: [rows, columns], data: [...decodeRle(rle)] }));
    throw new Error(`unknown metric '${metric}'`);
  };
}

export function calibrationCase(config: Options, inputs: Options): Metric {
  const results = new Map<string, ReturnType<Calibration['result']>>();
  const probabilities = Float32Array.from(numbersOf(inputs.probabilities.data));
  return (metric, { bins, floor }) => {
    const key = JSON.stringify([bins, floor]);
    if (!results.has(key)) {
      const calibration = new Calibration({
        ...{ numClasses: config.num_classes, ignoreIndex: config.ignore_index, bins, floor },
      });
      calibration.update(probabilities, Int32Array.from(inputs.target.data), {
        layout: 'channels-first',
        images: inputs.target.shape[0],
      });
      results.set(key, calibration.result());
    }
    const result = results.get(key)!;
    if (metric === 'calibration_bins')
      return result.bins.map((bin) => [bin.count, bin.meanConfidence, bin.accuracy]);
    if (metric === 'pa') return result.accuracy;
    if (metric in result) return result[metric as 'ece'];
    throw new Error(`unknown metric '${metric}'`);
  };
}
