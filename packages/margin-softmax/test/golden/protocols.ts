/** The verification (1:1) and identification (1:N) groups of the reference cases. */
import {
  areaUnderCurve,
  bestAccuracy,
  cosineSimilarities,
  cumulativeMatch,
  equalErrorRate,
  mateRanks,
  openSetIdentification,
  pairScores,
  rankRate,
  rocCurve,
  type Similarities,
  similarityMatrix,
  tarAtFar,
  tenFoldVerification,
  tpirOverAllPairs,
} from '../../src/protocols';
import { flat, type GoldenCaseDocument, type GoldenOp, type GoldenValue } from './format';

export const protocolOps: Readonly<Record<string, GoldenOp>> = {
  verification_10fold: async ({ config, inputs }) => {
    const distances =
      config.input === 'scores'
        ? flat(inputs.scores).map((score) => 2 - 2 * score)
        : pairScores(flat(inputs.embeddings), inputs.embeddings.shape[1], { metric: 'squared-distance' });
    const result = tenFoldVerification(distances, flat(inputs.issame), {
      folds: config.folds,
      thresholds: config.thresholds,
      farTargets: config.far_targets,
      farThresholds: config.far_thresholds,
    });
    const { validation } = result;
    const perTarget = (key: 'thresholdPerFold' | 'valPerFold' | 'farPerFold') =>
      validation.flatMap((entry) => Array.from(entry[key]));
    return {
      squared_distances: distances,
      accuracy_per_fold: result.accuracyPerFold,
      accuracy_mean: result.accuracy,
      accuracy_std: result.accuracyStd,
      best_threshold_per_fold: result.thresholdPerFold,
      tpr: result.tpr,
      fpr: result.fpr,
      val_threshold_per_fold: perTarget('thresholdPerFold'),
      val_per_fold: perTarget('valPerFold'),
      far_per_fold: perTarget('farPerFold'),
      val: validation.map(({ val }) => val),
      val_std: validation.map(({ valStd }) => valStd),
      far: validation.map(({ far }) => far),
    };
  },

  roc: async ({ config, inputs, expected }) => {
    const curve = curveOf(config, inputs);
    const indices = Array.from(flat(expected.roc_sample_index), Number);
    const nearest = equalErrorRate(curve, { convention: 'nearest-point' });
    return {
      auc: areaUnderCurve(curve),
      best_accuracy: bestAccuracy(curve).accuracy,
      roc_points: curve.fpr.length,
      roc_sample_index: indices,
      fpr: indices.map((i) => curve.fpr[i]!),
      tpr: indices.map((i) => curve.tpr[i]!),
      thresholds: indices.map((i) => curve.thresholds[i]!),
      eer_interpolated: equalErrorRate(curve).eer,
      eer_nearest_point: nearest.eer,
      eer_nearest_point_threshold: nearest.threshold,
    };
  },

  tar_at_far: async ({ config, inputs }) => {
    const curve = curveOf(config, inputs);
    const at = (convention: 'nearest' | 'not-above' | 'interpolated') =>
      (config.far_targets as number[]).map((far) => tarAtFar(curve, far, { convention }));
    return {
      tar_nearest_fpr: at('nearest').map(({ tar }) => tar),
      far_nearest_fpr: at('nearest').map(({ far }) => far),
      tar_not_above: at('not-above').map(({ tar }) => tar),
      tar_interpolated: at('interpolated').map(({ tar }) => tar),
    };
  },

  identification_cmc: async ({ config, inputs, expected }) => {
    const { similarities, galleryIds, probeIds } = searchOf(inputs);
    const ties = ({ lower_index_first: 'lower-index-first', pessimistic: 'pessimistic' } as const)[
      config.ties as string
    ];
    if (!ties) throw new Error(`unknown ties '${config.ties}'`);
    const mates = mateRanks(similarities, galleryIds, probeIds, { ties });
    const result: Record<string, GoldenValue> = {
      rank_of_mate: mates.ranks,
      rank_rate: (config.ranks as number[]).map((rank) => rankRate(mates, rank)),
    };
    if (expected.cmc) result.cmc = cumulativeMatch(mates, flat(expected.cmc).length);
    return result;
  },

  identification_open_set: async ({ config, inputs }) => {
    const { similarities, galleryIds, probeIds } = searchOf(inputs);
    const points = openSetIdentification(similarities, galleryIds, probeIds, {
      fpirTargets: config.fpir_targets,
    });
    const { matedProbes } = mateRanks(similarities, galleryIds, probeIds);
    const mated = Array.from(probeIds, (_, probe) => Number(matedProbes.includes(probe)));
    return {
      mated,
      threshold: points.map(({ threshold }) => threshold),
      fpir: points.map(({ fpir }) => fpir),
      dir_rank1: points.map(({ dir }) => dir),
    };
  },

  identification_tpir: async ({ config, inputs }) => {
    if (config.negatives !== 'all_pairs') throw new Error(`unknown negatives '${config.negatives}'`);
    const { similarities, galleryIds, probeIds } = searchOf(inputs);
    const points = tpirOverAllPairs(similarities, galleryIds, probeIds, {
      fpirTargets: config.fpir_targets,
    });
    return {
      tpir: points.map(({ tpir }) => tpir),
      threshold: points.map(({ threshold }) => threshold),
    };
  },
};

type Config = GoldenCaseDocument['config'];
type Inputs = GoldenCaseDocument['inputs'];

const curveOf = (config: Config, inputs: Inputs) =>
  rocCurve(flat(inputs.scores), flat(inputs.issame), { dropIntermediate: config.drop_intermediate });

function searchOf(inputs: Inputs): {
  similarities: Similarities;
  galleryIds: Float64Array;
  probeIds: Float64Array;
} {
  const similarities = inputs.scores
    ? similarityMatrix(flat(inputs.scores), inputs.scores.shape[0], inputs.scores.shape[1])
    : cosineSimilarities(flat(inputs.probes), flat(inputs.gallery), inputs.probes.shape[1]);
  return { similarities, galleryIds: flat(inputs.gallery_ids), probeIds: flat(inputs.probe_ids) };
}
