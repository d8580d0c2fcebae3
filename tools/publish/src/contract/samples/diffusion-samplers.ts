import * as tf from '@tensorflow/tfjs-core';
import { createPlan, ddim, ddpm, spaced, vp } from '@tfkit/diffusion-samplers';
import { arrays, brownianPath, vpSde } from '@tfkit/diffusion-samplers/sde';
import type { Samples } from './sample';

const options = () =>
  ({ schedule: vp(), grid: spaced(), prediction: 'epsilon', solver: ddim(), steps: 3 }) as const;
const plan = () => createPlan(options());
const ddpmPlan = () => createPlan({ ...options(), solver: ddpm() });
const shape = [2, 3];
const x = () => Float32Array.of(0.1, 0.2, 0.3, 0.4, 0.5, 0.6);
const model = (state: Float32Array) => state;
const tensorModel = (state: tf.Tensor) => tf.clone(state);
const itemModel = (state: Float64Array) => state;
const sdeRun = () => ({ sde: vpSde(), prediction: 'epsilon', shape, steps: 2 });
const levels = () => ({
  alpha: Float64Array.of(0.8, 0.8),
  sigma: Float64Array.of(0.6, 0.6),
  timestep: Float64Array.of(10, 10),
});

export const diffusionSamplers: Samples = {
  '.#ascending': () => [spaced()],
  '.#createPlan': () => [options()],
  '.#explain': () => [plan()],
  '.#injectedNoise': () => [[x(), x()], x()],
  '.#iterate': () => [plan(), model, { x: x(), shape }],
  '.#sample': () => [plan(), model, { x: x(), shape }],
  './adaptive#dpmAdaptive': () => [
    model,
    { x: x(), shape, sigmaMin: 0.1, sigmaMax: 2, order: 2, rtol: 0.1, atol: 0.1, hInit: 0.5 },
  ],
  './adaptive#predictorCorrector': () => [model, { x: x(), shape, sigmas: [2, 1, 0.1], corrections: 1 }],
  './adaptive#sampleWithCorrector': () => [
    plan(),
    model,
    { x: x(), shape, seed: 1, corrections: 1, snr: 0.2, norms: 'batch', prediction: { type: 'epsilon' } },
  ],
  './diffusers#toDiffusersConfig': () => [options()],
  './guidance#cfgPlusPlus': () => [plan(), 0.5],
  './guidance#classifierFreeGuidance': () => [model, model, { scale: 2, rescale: 0.5, interval: [0.1, 10] }],
  './guidance#inpainting': () => [model, { known: x(), mask: x(), prediction: 'epsilon' }],
  './guidance#learnedVariance': () => [ddpmPlan(), model, { seed: 1 }],
  './guidance#noisedTo': () => [plan(), x(), { shape, seed: 1 }],
  './onnx#ortModel': 'takes a session of ONNX Runtime',
  './sde#brownianNoise': () => [plan(), { seed: 1 }],
  './sde#decode': () => [itemModel, x(), sdeRun()],
  './sde#encode': () => [itemModel, x(), sdeRun()],
  './sde#logLikelihood': () => [itemModel, x(), { ...sdeRun(), divergence: 'hutchinson', probes: 1 }],
  './sde#reverseDrift': () => [vpSde(), 'epsilon', 0.5, 1],
  './sde#sampleSde': () => [itemModel, x(), { ...sdeRun(), seed: 1 }],
  './sde#scoreForm': () => [vpSde(), 'epsilon', 0.5],
  './sde#solveOde': () => [
    (parts: Float64Array[]) => parts,
    [Float64Array.from(x())],
    2,
    [0, 1],
    arrays,
    { method: 'rk4', steps: 2 },
  ],
  './sde#solveSde': () => [
    { drift: (state: Float64Array) => state, diffusion: () => 0.5 },
    x(),
    { shape, times: [0, 0.5, 1], path: brownianPath({ shape, from: 0, to: 1, seed: 1 }) },
  ],
  './tfjs#iterateTensors': () => [plan(), tensorModel, { x: tf.tensor2d(x(), [2, 3]) }],
  './tfjs#sampleTensors': () => [plan(), tensorModel, { x: tf.tensor2d(x(), [2, 3]) }],
  './tfjs#sampleTensorsWithCorrector': () => [
    plan(),
    tensorModel,
    { x: tf.tensor2d(x(), [2, 3]), corrections: 1, snr: 0.2, norms: 'item' },
  ],
  './training#levelsAt': () => [vp(), [0.5, 1]],
  './training#postHocEma': () => [
    [
      { step: 100, gamma: 6.94 },
      { step: 200, gamma: 6.94 },
    ],
    { step: 200, gamma: 5 },
  ],
  './training#reflowPairs': () => [plan(), model, { shape, batch: 1, seed: 1 }],
  './training#straightness': () => [plan(), model, { shape, seed: 1 }],
  './training#trainingExample': () => [x(), x(), levels(), 'epsilon'],
};
