/**
 * Draws points from a diffusion model in an ONNX file with ONNX Runtime, by several samplers:
 *
 *   node sample-with-onnx-runtime/main.js [spiral.onnx]
 *
 * No TensorFlow.js is involved. The file holds a denoiser of points on a spiral, which make_model.py trained. In Node you
 * may use onnxruntime-node in place of onnxruntime-web: the calls are the same, and its installation downloads a binary.
 */
import { readFile } from 'node:fs/promises';
import { createPlan, ddim, dpmSolver, euler, heun, sample, spaced, vp } from '@tfkit/diffusion-samplers';
import { ortModel } from '@tfkit/diffusion-samplers/onnx';
import { uniPc } from '@tfkit/diffusion-samplers/solvers';
import * as ort from 'onnxruntime-web';

const file = process.argv[2] ?? new URL('spiral.onnx', import.meta.url);
const session = await ort.InferenceSession.create(new Uint8Array(await readFile(file)));
const model = ortModel(session, {}, { Tensor: ort.Tensor });

// The schedule of the training: linear betas from 1e-4 to 0.02 over 1000 timesteps.
const schedule = vp({ betas: 'linear', betaStart: 1e-4, betaEnd: 0.02 });
const grid = spaced({ spacing: 'trailing' });
const solvers = {
  DDIM: ddim(),
  Euler: euler(),
  Heun: heun(),
  'DPM-Solver++ 2M': dpmSolver(),
  UniPC: uniPc(),
};

const count = 1000;
let points = new Float32Array();
for (const [name, solver] of Object.entries(solvers)) {
  const plan = createPlan({ schedule, grid, prediction: 'epsilon', solver, steps: 20 });
  ({ x: points } = await sample(plan, model, { shape: [count, 2], seed: 7 }));
  console.log(
    `${name.padEnd(16)} ${plan.modelCalls} model calls, distance to the spiral ${distance(points).toFixed(3)}`,
  );
}
console.log(draw(points));

/** Mean distance to the curve of the training, in its own unit: its arms are about 0.8 apart. */
function distance(points) {
  const curve = Array.from({ length: 400 }, (_, i) => {
    const [angle, radius] = [3 * Math.PI * (i / 399), 0.3 + 1.2 * (i / 399)];
    return [radius * Math.cos(angle), radius * Math.sin(angle)];
  });
  let sum = 0;
  for (let i = 0; i < points.length; i += 2) {
    sum += Math.min(...curve.map(([x, y]) => Math.hypot(points[i] - x, points[i + 1] - y)));
  }
  return sum / (points.length / 2);
}

/** The points in [-1.8, 1.8] squared as characters. */
function draw(points) {
  const [rows, columns] = [22, 44];
  const canvas = Array.from({ length: rows }, () => Array(columns).fill(' '));
  for (let i = 0; i < points.length; i += 2) {
    const row = Math.floor(rows * (0.5 - points[i + 1] / 3.6));
    const column = Math.floor(columns * (0.5 + points[i] / 3.6));
    if (canvas[row]?.[column]) canvas[row][column] = '*';
  }
  return canvas.map((line) => line.join('').trimEnd()).join('\n');
}
