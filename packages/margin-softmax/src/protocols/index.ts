/** Evaluation of embeddings on typed arrays: verification (1:1), identification (1:N) and retrieval. No TensorFlow.js. */
export type { NumberArray, ScoreType } from './checks';
export {
  cosineSimilarities,
  type PairScoreOptions,
  pairScores,
  type Similarities,
  similarityMatrix,
} from './embeddings';
export {
  type ChosenThreshold,
  chooseThreshold,
  type FarConvention,
  type TarAtFar,
  tarAtFar,
} from './far';
export {
  cumulativeMatch,
  type MateRanks,
  mateRanks,
  type OpenSetPoint,
  openSetIdentification,
  type RankTies,
  rankRate,
  type TpirPoint,
  tpirOverAllPairs,
} from './identification';
export { type RetrievalOptions, type RetrievalScores, retrievalScores } from './retrieval';
export {
  areaUnderCurve,
  bestAccuracy,
  type EerOptions,
  equalErrorRate,
  type RocCurve,
  type RocOptions,
  rocCurve,
} from './roc';
export {
  type FoldValidation,
  type TenFoldOptions,
  type TenFoldResult,
  type ThresholdGrid,
  tenFoldVerification,
} from './tenFold';
