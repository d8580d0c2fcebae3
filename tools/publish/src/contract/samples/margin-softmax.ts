import * as tf from '@tensorflow/tfjs-core';
import { similarityMatrix } from '@tfkit/margin-softmax/protocols';
import type { Samples } from './sample';

const similarities = () => similarityMatrix(Float64Array.of(0.9, 0.1, 0.2, 0.8), 2, 2);

export const marginSoftmax: Samples = {
  '.#sphereFace2Bias': () => [{ numClasses: 10, scale: 32 }],
  './layers#marginLossLayer': () => [{ numClasses: 3, margin: 'arcFace', marginOptions: { scale: 32 } }],
  './metric-losses#ringLoss': () => [tf.fill([4, 4], 0.5), tf.scalar(1)],
  './protocols#chooseThreshold': () => [
    Float64Array.of(0.9, 0.8, 0.3),
    [true, true, false],
    { far: 0.1, scoreType: 'similarity' },
  ],
  './protocols#mateRanks': () => [similarities(), [0, 1], [0, 1], { ties: 'average' }],
  './protocols#openSetIdentification': () => [
    similarities(),
    [0, 1],
    [0, 2],
    { fpirTargets: [0.1], rank: 1 },
  ],
  './protocols#retrievalScores': () => [similarities(), [0, 1], [0, 1], { ks: [1] }],
  './protocols#rocCurve': () => [Float64Array.of(0.9, 0.8, 0.3), [true, true, false]],
  './protocols#tenFoldVerification': () => [
    Float64Array.of(0.1, 0.2, 0.8, 0.9),
    [true, true, false, false],
    { folds: 2, farTargets: [0.1] },
  ],
  './protocols#tpirOverAllPairs': () => [similarities(), [0, 1], [0, 2], { fpirTargets: [0.1] }],
};
