import {
  averageSurfaceDistance,
  boundaryF1,
  boundaryIou,
  boundaryWidth,
  type Combine,
  classMasks,
  davisBoundaryF1,
  edgePixels,
  hausdorffDistance,
  type MapShape,
  meanIou,
  pixelAccuracy,
  rmsSurfaceDistance,
  type SurfaceDistances,
  surfaceDistances,
  surfaceOverlap,
  trimapCounts,
} from '../../src/index';
import type { Metric, Options } from '../golden';

const combines: Record<string, Combine> = {
  pred_to_target: 'prediction-to-target',
  target_to_pred: 'target-to-prediction',
  max_of_directed: 'max-of-directed',
  mean_of_directed: 'mean-of-directed',
  pooled: 'pooled',
};

interface MaskPair {
  readonly prediction: ArrayLike<number>;
  readonly target: ArrayLike<number>;
  readonly shape: number[];
  readonly spacing?: number[];
}

export const surfaceCase = (config: Options, inputs: Options): Metric =>
  pairMetric({
    prediction: inputs.pred.data,
    target: inputs.target.data,
    shape: inputs.pred.shape,
    spacing: config.spacing,
  });

/** Metrics of one pair of masks; the distances are computed once for each form. */
export function pairMetric({ prediction, target, shape, spacing }: MaskPair): Metric {
  const cache = new Map<string, SurfaceDistances>();
  return (metric, options) => {
    const grid = { shape, spacing: options.unit === 'pixel' ? undefined : spacing };
    if (metric === 'edge_pixels') {
      const edges = edgePixels(options.side === 'pred' ? prediction : target, shape, options.border);
      return edges.reduce((a, b) => a + b, 0);
    }
    const { form, border, distance } = options;
    const key = JSON.stringify([form, border, distance, grid.spacing]);
    if (!cache.has(key))
      cache.set(key, surfaceDistances(prediction, target, { ...grid, form, border, distance }));
    const surfaces = cache.get(key)!;
    const combine = combines[options.combine];
    switch (metric) {
      case 'sorted_distances': {
        const { predictionToTarget: p, targetToPrediction: t } = surfaces;
        const all =
          options.combine === 'pred_to_target'
            ? [...p]
            : options.combine === 'pooled'
              ? [...p, ...t]
              : [...t];
        return all.sort((a, b) => a - b);
      }
      case 'hausdorff':
        return hausdorffDistance(surfaces, { percentile: options.percentile, combine });
      case 'surface_distance_mean':
        return averageSurfaceDistance(surfaces, { combine });
      case 'surface_distance_rms':
        return rmsSurfaceDistance(surfaces, { combine });
      case 'surface_area': {
        const sizes = options.side === 'pred' ? surfaces.predictionSizes : surfaces.targetSizes;
        return sizes!.reduce((a, b) => a + b, 0);
      }
      case 'nsd':
        return surfaceOverlap(surfaces, options.tolerance).nsd;
      case 'boundary_precision':
        return surfaceOverlap(surfaces, options.tolerance).precision;
      case 'boundary_recall':
        return surfaceOverlap(surfaces, options.tolerance).recall;
      default:
        throw new Error(`unknown metric '${metric}'`);
    }
  };
}

/** [image][class] of label maps. */
export function surfaceMetric(inputs: Options): Metric {
  const { shape, data } = inputs.target as { shape: number[]; data: number[] };
  const [images, ...map] = shape as [number, ...number[]];
  const classes = Math.max(...data, ...inputs.pred.data) + 1;
  const size = data.length / images;
  const pairs = Array.from({ length: images }, (_, i) => {
    const part = (all: number[]) => Int32Array.from(all.slice(i * size, (i + 1) * size));
    const [p, t] = [part(inputs.pred.data), part(data)];
    return Array.from({ length: classes }, (_, label) =>
      pairMetric({ ...classMasks(p, t, label), shape: map }),
    );
  });
  return (metric, options) => pairs.map((row) => row.map((pair) => pair(metric, options)));
}

export function boundaryCase(config: Options, inputs: Options): Metric {
  const shape = inputs.target.shape as MapShape;
  const pred = Int32Array.from(inputs.pred.data);
  const target = Int32Array.from(inputs.target.data);
  const labels = Array.from({ length: config.num_classes }, (_, i) => i);
  const masks = labels.map((label) => classMasks(pred, target, label, config.ignore_index));
  const boundary = boundaryMetric(masks, shape);
  return (metric, options) => {
    if (!metric.startsWith('trimap')) return boundary(metric, options);
    const { matrix, pixels } = trimapCounts(pred, target, {
      shape,
      radius: options.radius,
      numClasses: config.num_classes,
      ignoreIndex: config.ignore_index,
    });
    if (metric === 'trimap_pixels') return pixels;
    return metric === 'trimap_pa' ? pixelAccuracy(matrix) : meanIou(matrix).value;
  };
}

type Pair = ReturnType<typeof classMasks>;

export function boundaryMetric(masks: readonly Pair[], shape: MapShape): Metric {
  return (metric, options) => {
    if (metric === 'boundary_width') return boundaryWidth(shape, options.ratio);
    const perClass = masks.map((pair) => boundaryValue(pair, shape, metric, options));
    if (options.reduction !== 'mean') return perClass;
    const defined = perClass.filter((value) => !Number.isNaN(value));
    return defined.reduce((a, b) => a + b, 0) / defined.length;
  };
}

function boundaryValue(
  { prediction, target }: Pair,
  shape: MapShape,
  metric: string,
  options: Options,
): number {
  const sized = { shape, ratio: options.ratio };
  const f1 = () =>
    options.form === 'davis'
      ? davisBoundaryF1(prediction, target, { shape, tolerance: options.tolerance_px })
      : boundaryF1(prediction, target, { shape, tolerance: options.tolerance_px, border: options.border });
  switch (metric) {
    case 'boundary_intersection':
      return boundaryIou(prediction, target, sized).intersection;
    case 'boundary_union':
      return boundaryIou(prediction, target, sized).union;
    case 'boundary_iou':
      return boundaryIou(prediction, target, sized).boundaryIou;
    case 'boundary_iou_min_iou':
      return Math.min(boundaryIou(prediction, target, sized).boundaryIou, maskIou(prediction, target));
    case 'iou':
      return maskIou(prediction, target);
    case 'boundary_precision':
      return f1().precision;
    case 'boundary_recall':
      return f1().recall;
    case 'boundary_f1':
      return f1().f1;
    case 'edge_pixels': {
      if (options.form === 'davis') {
        const { predictionPixels, targetPixels } = davisBoundaryF1(prediction, target, { shape });
        return options.side === 'pred' ? predictionPixels : targetPixels;
      }
      const mask = options.side === 'pred' ? prediction : target;
      return edgePixels(mask, shape, options.border).reduce((a, b) => a + b, 0);
    }
    default:
      throw new Error(`unknown metric '${metric}'`);
  }
}

function maskIou(a: Uint8Array, b: Uint8Array): number {
  let [both, either] = [0, 0];
  for (let i = 0; i < a.length; i++) {
    both += a[i]! & b[i]!;
    either += a[i]! | b[i]!;
  }
  return both / either;
}
