import {
  type AbsentClassPolicy,
  type ClassMetric,
  ConfusionMatrix,
  classCounts,
  cohensKappa,
  frequencyWeightedIou,
  type Level,
  matthewsCorrelation,
  meanIou,
  meanPixelAccuracy,
  parseConfusionMatrix,
  pixelAccuracy,
  presetScores,
  score,
} from '../../src/index';
import type { Metric, Options } from '../golden';

const policies: Record<string, AbsentClassPolicy> = {
  nan_skipped: 'nan-skipped',
  undefined_as_0: 'undefined-as-0',
  undefined_as_1: 'undefined-as-1',
  classes_in_target: 'classes-in-target',
  classes_in_target_or_prediction: 'classes-in-target-or-prediction',
  without_class0_nan_skipped: 'without-class-0',
};
const metrics: Record<string, ClassMetric> = {
  accuracy_one_vs_rest: 'accuracyOneVsRest',
  mcc_one_vs_rest: 'mccOneVsRest',
};
const levels: Record<string, Level> = {
  mean_of_image_means: 'image-means',
  per_class_mean_over_images: 'class-means',
  mean_of_per_class_mean_over_images: 'class-means',
  mean_of_image_class_pairs: 'image-class-pairs',
};

interface Maps {
  readonly target: { shape: number[]; data: number[] };
  readonly pred: { shape: number[]; data: number[] };
}

export function confusionCase(config: Options, inputs: Record<string, unknown>): Metric {
  const { target, pred } = inputs as unknown as Maps;
  if (config.op === 'cityscapes') return cityscapesCase(config, target.data, pred.data);
  const images = target.shape[0]!;
  const size = target.data.length / images;
  const part = (data: readonly number[], from: number, to: number) =>
    Int32Array.from(data.slice(from * size, to * size));
  const sizes: number[] = config.update_sizes ?? [images];
  let at = 0;
  const updates = sizes.map((count) => {
    const matrix = newMatrix(config).update(
      part(pred.data, at, at + count),
      part(target.data, at, at + count),
      {
        images: count,
      },
    );
    at += count;
    return matrix;
  });
  return matrixMetric(updates, config);
}

export const newMatrix = (config: Options): ConfusionMatrix =>
  new ConfusionMatrix({ numClasses: config.num_classes, ignoreIndex: config.ignore_index, keepImages: true });

/** Metrics of images fed in updates, each update a matrix of its own. */
export function matrixMetric(updates: readonly ConfusionMatrix[], config: Options): Metric {
  const sum = (parts: readonly ConfusionMatrix[]) =>
    parts.reduce((all, matrix) => all.merge(matrix), newMatrix(config));
  const total = sum(updates);
  const images = () => total.images.map((_, i) => total.image(i));
  const process = (key: string) => sum((config[key] as number[]).map((i) => updates[i]!));
  return (metric, { scope = 'total', ...options }) => {
    switch (scope) {
      case 'total':
      case 'images':
      case 'files':
        return matrixValue(total, metric, options, config);
      case 'image':
      case 'file':
        return images().map((matrix) => matrixValue(matrix, metric, options, config));
      case 'update':
        return updates.map((matrix) => matrixValue(matrix, metric, options, config));
      case 'updates': {
        const means = updates.map((matrix) =>
          matrixValue(matrix, metric, { ...options, reduction: 'mean' }, config),
        );
        const defined = (means as number[]).filter((mean) => !Number.isNaN(mean));
        return defined.reduce((a, b) => a + b, 0) / defined.length;
      }
      case 'process_a':
        return matrixValue(process('process_a_updates'), metric, options, config);
      case 'process_b':
        return matrixValue(process('process_b_updates'), metric, options, config);
      case 'merged': {
        const states = [process('process_a_updates'), process('process_b_updates')];
        const restored = states.map((state) => parseConfusionMatrix(JSON.parse(JSON.stringify(state))));
        return matrixValue(restored[0]!.merge(restored[1]!), metric, options, config);
      }
      default:
        throw new Error(`unknown scope '${scope}'`);
    }
  };
}

function matrixValue(matrix: ConfusionMatrix, metric: string, options: Options, config: Options): unknown {
  const invalidPredictions = options.invalid_prediction === 'dropped' ? 'dropped' : 'false-negative';
  const policy = policies[options.policy ?? 'nan_skipped']!;
  const n = matrix.numClasses;
  switch (metric) {
    case 'confusion_matrix':
      return Array.from({ length: n }, (_, i) => Array.from(matrix.counts.subarray(i * n, (i + 1) * n)));
    case 'invalid_prediction_pixels':
      return matrix.invalidPredictions;
    case 'ignored_pixels':
      return matrix.ignoredPixels;
    case 'pa':
      return pixelAccuracy(matrix, { invalidPredictions });
    case 'miou':
      return meanIou(matrix, { invalidPredictions, policy }).value;
    case 'mpa':
      return meanPixelAccuracy(matrix, { invalidPredictions, policy }).value;
    case 'fwiou':
      return frequencyWeightedIou(matrix, { invalidPredictions }).value;
    case 'micro_iou':
      return score(matrix, 'iou', { average: 'micro', invalidPredictions }).value;
    case 'micro_dice':
      return score(matrix, 'dice', { average: 'micro', invalidPredictions }).value;
    case 'kappa':
      return cohensKappa(matrix, { weights: options.weights });
    case 'mcc':
      return matthewsCorrelation(matrix);
    case 'support':
    case 'predicted':
    case 'tp':
    case 'fp':
    case 'fn':
    case 'tn':
    case 'total':
      return classCounts(matrix, { invalidPredictions })[metric];
  }
  const reduced = (over: AbsentClassPolicy) =>
    score(matrix, metrics[metric] ?? (metric as ClassMetric), {
      policy: over,
      level: levels[options.reduction] ?? 'dataset',
      invalidPredictions,
      beta: options.beta,
      fpWeight: options.fp_weight,
      fnWeight: options.fn_weight,
    });
  if (options.reduction === 'mean_by_policy') {
    return (config.policies as string[]).map((name) => reduced(policies[name]!).value);
  }
  const result = reduced(policy);
  return /^per_class/.test(options.reduction) ? result.perClass : result.value;
}

function cityscapesCase(config: Options, target: number[], pred: number[]): Metric {
  const ids: number[] = config.id_of_train_id;
  const ignored = new Set<number>(config.ignored_ids);
  const trainIds = (data: number[]) =>
    Int32Array.from(data, (id) => (ignored.has(id) || !ids.includes(id) ? 255 : ids.indexOf(id)));
  const onTrainIds = newMatrix({ ...config, ignore_index: 255 }).update(trainIds(pred), trainIds(target));
  // Label ids may be negative (the licence plate): shifted, so that all are classes.
  const all = [...Object.values(config.categories as Record<string, number[]>).flat(), ...ids, ...ignored];
  const shift = Math.max(0, -Math.min(...all));
  const numClasses = Math.max(...all) + shift + 1;
  const onIds = new ConfusionMatrix({ numClasses, ignoreIndex: [...ignored].map((id) => id + shift) });
  onIds.update(
    Int32Array.from(pred, (id) => id + shift),
    Int32Array.from(target, (id) => id + shift),
  );
  const plain = matrixMetric([onTrainIds], { ...config, ignore_index: 255 });
  return (metric, options) => {
    if (metric !== 'cityscapes_iou') return plain(metric, options);
    const regions = Object.fromEntries(
      Object.entries(config.categories as Record<string, number[]>).map(([name, labels]) => [
        name,
        labels.map((id) => id + shift),
      ]),
    );
    const ofClasses = options.of === 'class';
    const scores = ofClasses
      ? presetScores(onTrainIds, 'cityscapes')
      : presetScores(onIds, 'cityscapes', { regions });
    if (options.reduction === 'mean')
      return scores[ofClasses ? 'averageScoreClasses' : 'averageScoreCategories'];
    if (ofClasses) return scores['IoU Class'];
    const perCategory = scores['IoU Category'] as number[];
    return Object.fromEntries(Object.keys(regions).map((name, i) => [name, perCategory[i]]));
  };
}
