import { backendImports, backendSetup, options } from '../../snippet';
import type { Backend } from '../../worker/protocol';
import { type Choice, grids, schedules, solvers } from './choices';
import type { SamplerInput } from './task';

const call = ({ name, options: given = {} }: Choice) => `${name}(${options({ ...given })})`;

/** The program of one run: the four choices, the model, the loop. */
export function samplerCode(input: SamplerInput, backend: Backend): string {
  const [schedule, grid, solver] = [schedules[input.schedule]!, grids[input.grid]!, solvers[input.solver]!];
  const own = input.config === undefined;
  const imports = own
    ? `import { createPlan, ${schedule.name}, ${grid.name} } from '@tfkit/diffusion-samplers';
import { ${solver.name} } from '@tfkit/diffusion-samplers/solvers';`
    : `import { createPlan } from '@tfkit/diffusion-samplers';
import { fromDiffusersConfig } from '@tfkit/diffusion-samplers/diffusers';`;
  const plan = own
    ? `const plan = createPlan({
  schedule: ${call(schedule)},
  grid: ${call(grid)},
  solver: ${call(solver)},
  prediction: 'sample', // the model answers with its estimate of x0
  steps: ${input.steps},
});`
    : `const config = ${JSON.stringify(JSON.parse(input.config!), null, 2)};
// The model below answers with x0 itself, and points have no range to be clipped to.
const plan = createPlan({ ...fromDiffusersConfig(config), prediction: 'sample', limit: undefined, steps: ${input.steps} });`;
  return `import * as tf from '@tensorflow/tfjs-core';
${backendImports(backend)}
${imports}
import { iterateTensors } from '@tfkit/diffusion-samplers/tfjs';

${backendSetup(backend)}

${plan}

// A model that knows its data: the mean of x0 given x = alpha x0 + sigma noise, for three Gaussians in the plane.
const means = tf.tensor2d([[1, 0.5], [-0.8, -1], [-0.9, 1.1]]);
const [weights, deviations] = [[0.5, 0.3, 0.2], [0.25, 0.35, 0.2]];
const model = (x, { alpha, sigma }) =>
  tf.tidy(() => {
    const variances = deviations.map((deviation) => (alpha * deviation) ** 2 + sigma ** 2);
    const offsets = tf.sub(tf.expandDims(x, 1), tf.mul(means, alpha));
    const distances = tf.div(tf.sum(tf.square(offsets), 2), variances.map((v) => 2 * v));
    const logits = tf.sub(weights.map((weight, k) => Math.log(weight / variances[k])), distances);
    const gains = tf.tensor2d(deviations.map((deviation, k) => [(alpha * deviation ** 2) / variances[k]]));
    return tf.sum(tf.mul(tf.expandDims(tf.softmax(logits), 2), tf.add(means, tf.mul(gains, offsets))), 1);
  });

for await (const { step, steps, x } of iterateTensors(plan, model, { shape: [${input.points}, 2], seed: ${input.seed} })) {
  console.log(\`\${step + 1} of \${steps}\`, (await x.data()).slice(0, 2));
}
`;
}
