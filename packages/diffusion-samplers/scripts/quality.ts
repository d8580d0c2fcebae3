/**
 * Writes docs/quality.md: what each solver's number of model calls buys, on a mixture of Gaussians whose noise and whose
 * probability-flow ODE are known exactly.
 *
 *   npx tsx --tsconfig tsconfig.json packages/diffusion-samplers/scripts/quality.ts [pf_ode_reference.json]
 */
import { writeFileSync } from 'node:fs';
import { createPlan, type Grid, karras, type Solver, sample, seededNoise, vp } from '../src';
import { type DiffusersConfig, fromDiffusersConfig } from '../src/diffusers';
import { brownianNoise } from '../src/sde';
import * as s from '../src/solvers';
import { mixtureMean } from '../test/golden/models';

const mixture = {
  weights: [0.5, 0.3, 0.2],
  means: [
    [1, 0.5],
    [-0.8, -1],
    [0.2, -0.6],
  ],
  stds: [0.25, 0.35, 0.2],
};
const model = (x: ArrayLike<number>, { alpha, sigma }: { alpha: number; sigma: number }) => {
  const clean = mixtureMean(mixture, x, alpha, sigma);
  return clean.map((value, i) => (x[i]! - alpha * value) / sigma);
};

const schedule = vp();
const budgets = [5, 10, 20, 40, 80];

/** Solvers, model calls a step, and the scheduler of diffusers that is the same method. */
interface Row {
  readonly name: string;
  readonly solver: Solver;
  readonly stages?: number;
  readonly peer?: DiffusersConfig;
}

/** These classes have no Karras grid: theirs is on their own. */
const trailing = { timestep_spacing: 'trailing' } as const;

const deterministic: readonly Row[] = [
  { name: 'ddim', solver: s.ddim(), peer: { _class_name: 'DDIMScheduler', clip_sample: false, ...trailing } },
  { name: 'euler', solver: s.euler(), peer: { _class_name: 'EulerDiscreteScheduler' } },
  { name: 'heun', solver: s.heun(), stages: 2, peer: { _class_name: 'HeunDiscreteScheduler' } },
  { name: 'dpm2', solver: s.dpm2(), stages: 2, peer: { _class_name: 'KDPM2DiscreteScheduler' } },
  { name: 'rk4', solver: s.rk4(), stages: 4 },
  { name: 'lms', solver: s.lms(), peer: { _class_name: 'LMSDiscreteScheduler' } },
  { name: 'dpmSolver (2M)', solver: s.dpmSolver(), peer: { _class_name: 'DPMSolverMultistepScheduler' } },
  {
    name: 'dpmSolver order 3',
    solver: s.dpmSolver({ order: 3 }),
    peer: { _class_name: 'DPMSolverMultistepScheduler', solver_order: 3 },
  },
  { name: 'dpmSinglestep', solver: s.dpmSinglestep(), peer: { _class_name: 'DPMSolverSinglestepScheduler' } },
  {
    name: 'dpmSinglestep order 3',
    solver: s.dpmSinglestep({ order: 3 }),
    peer: { _class_name: 'DPMSolverSinglestepScheduler', solver_order: 3 },
  },
  { name: 'uniPc', solver: s.uniPc(), peer: { _class_name: 'UniPCMultistepScheduler' } },
  {
    name: 'uniPc order 3',
    solver: s.uniPc({ order: 3 }),
    peer: { _class_name: 'UniPCMultistepScheduler', solver_order: 3 },
  },
  { name: 'deis', solver: s.deis({ order: 2 }), peer: { _class_name: 'DEISMultistepScheduler' } },
  {
    name: 'deis order 3',
    solver: s.deis({ order: 3 }),
    peer: { _class_name: 'DEISMultistepScheduler', solver_order: 3 },
  },
  { name: 'resMultistep', solver: s.resMultistep() },
  { name: 'resMultistep order 3', solver: s.resMultistep({ order: 3 }) },
  { name: 'gradientEstimation', solver: s.gradientEstimation() },
  { name: 'ipndm', solver: s.ipndm() },
  {
    name: 'pndm',
    solver: s.pndm({ start: 'euler' }),
    peer: { _class_name: 'PNDMScheduler', skip_prk_steps: true, set_alpha_to_one: true, ...trailing },
  },
];

const stochastic: readonly Row[] = [
  { name: 'ddpm', solver: s.ddpm() },
  { name: 'ddim, eta 1', solver: s.ddim({ eta: 1 }) },
  { name: 'eulerAncestral', solver: s.eulerAncestral() },
  { name: 'dpm2Ancestral', solver: s.dpm2Ancestral(), stages: 2 },
  { name: 'dpmpp2sAncestral', solver: s.dpmpp2sAncestral(), stages: 2 },
  { name: 'dpmppSde', solver: s.dpmppSde(), stages: 2 },
  { name: 'dpmSolver, eta 1 (2M SDE)', solver: s.dpmSolver({ eta: 1 }) },
  { name: 'dpmSolver order 3, eta 1 (3M SDE)', solver: s.dpmSolver({ order: 3, eta: 1 }) },
  { name: 'dpmSolver, noise, eta 1 (SDE-DPM-Solver)', solver: s.dpmSolver({ predict: 'noise', eta: 1 }) },
  { name: 'saSolver', solver: s.saSolver() },
  { name: 'erSde', solver: s.erSde() },
  {
    name: 'restart',
    solver: s.restart({ intervals: [{ min: 0.1, max: 2, steps: 3, times: 1 }] }),
    stages: 2,
  },
];

const count = 256;
const start = seededNoise(11)(-1, [1, 2 * count]);

async function run(row: Row, grid: Grid, calls: number, peer?: DiffusersConfig) {
  const stages = row.stages ?? 1;
  // Restart makes 6 calls beside its grid's; the last step of a two-stage method to sigma 0 makes one.
  const extra = row.solver.name === 'restart' ? 6 : 0;
  const steps = Math.max(2, Math.round((calls - extra + (stages === 2 ? 1 : 0)) / stages));
  const final =
    row.solver.name === 'dpmSolver' && row.name.includes('noise')
      ? karras({ sigmaMin: 0.01, final: 'repeat' })
      : grid;
  // Of diffusers the method and its quirks; schedule, starts and, where the class has it, the grid are those of all.
  const own = peer && fromDiffusersConfig(peer);
  const method = own ?? { solver: row.solver };
  const levels = own && peer.timestep_spacing ? own.grid : final;
  // PNDM calls the model once more than it has steps.
  const listed = own?.solver.name === 'pndm' ? steps - 1 : steps;
  const plan = createPlan({ ...method, schedule, grid: levels, prediction: 'epsilon', steps: listed });
  const { from } = plan.steps[0]!;
  const x = Float64Array.from(start, (value) => from.sigma * value);
  const noise = brownianNoise(plan, { seed: 12, ratioMax: 1e4 });
  return { x: (await sample(plan, model, { shape: [1, 2 * count], x, noise })).x, calls: plan.modelCalls };
}

/** Energy distance to exact draws: 2 E|a - b| - E|a - a'| - E|b - b'|; 0 for the same law. */
const draws = (() => {
  const uniforms = seededNoise(21)(-1, [1, 6 * 1024]);
  return Float64Array.from({ length: 2 * 1024 }, (_, i) => {
    const point = i >> 1;
    const k = point % 10 < 5 ? 0 : point % 10 < 8 ? 1 : 2;
    return mixture.means[k]![i & 1]! + mixture.stds[k]! * uniforms[i]!;
  });
})();

function meanDistance(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < a.length; i += 2)
    for (let j = 0; j < b.length; j += 2) sum += Math.hypot(a[i]! - b[j]!, a[i + 1]! - b[j + 1]!);
  return sum / ((a.length / 2) * (b.length / 2));
}
const own = meanDistance(draws, draws);
const energy = (x: ArrayLike<number>) => 2 * meanDistance(x, draws) - meanDistance(x, x) - own;

const rms = (a: ArrayLike<number>, b: ArrayLike<number>) => {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i]! - b[i]!) ** 2;
  return Math.sqrt(sum / a.length);
};
const short = (value: number) => (value < 0.01 ? value.toExponential(1) : value.toPrecision(2));

const grid = karras({ sigmaMin: 0.01 });
// Converged within float32's reach of the table's smallest entry; the same end, sigma 0.
const exact = (await run({ name: 'reference', solver: s.resMultistep({ order: 3 }) }, grid, 4000)).x;
const lines: string[] = [];
for (const row of deterministic) {
  const cells: string[] = [];
  for (const calls of budgets) {
    const ours = short(rms((await run(row, grid, calls)).x, exact));
    const theirs = row.peer && short(rms((await run(row, grid, calls, row.peer)).x, exact));
    cells.push(theirs ? `${ours} / ${theirs}` : ours);
  }
  const name = row.peer ? `${row.name} / ${row.peer._class_name}` : row.name;
  lines.push(`| ${[name, ...cells].join(' | ')} |`);
}
const stochasticLines: string[] = [];
for (const row of stochastic) {
  const cells: string[] = [];
  for (const calls of budgets.slice(1)) {
    const { x } = await run(row, grid, calls);
    cells.push(energy(x).toFixed(3));
  }
  stochasticLines.push(`| ${[row.name, ...cells].join(' | ')} |`);
}
const floor = energy(exact).toFixed(3);

const page = `# Quality against model calls

Made by \`scripts/quality.ts\`; do not edit. The data is a mixture of three Gaussians in the plane, whose noise is known
exactly at every level, so that all error is the solver's. Schedule \`vp()\`, grid \`karras()\` from sigma 157 to 0.01 and then
0, ${count} starts. A solver of two or four calls a step takes as many fewer steps.

## Solvers of the ODE

Root-mean-square distance of the end points to the exact ones (4000 steps of \`resMultistep({ order: 3 })\`): ours / diffusers', on
the same starts, schedule and grid. diffusers is not run here: theirs is our \`compat: 'diffusers'\`, with what \`fromDiffusersConfig\` makes of that class's defaults; the
reference runs under \`test/golden\`, made with diffusers 0.40.0.dev0 (58eb52c0), hold it to 1e-8 and better. DDIM and
PNDM have no Karras grid there: theirs is on trailing timesteps, stepping by floor(1000 / N) as those classes do.

| solver | ${budgets.map((n) => `${n} calls`).join(' | ')} |
| --- | ${budgets.map(() => '---').join(' | ')} |
${lines.join('\n')}

The last step, from sigma 0.01 to 0, is of first order for all and leaves about 1e-4.

## Solvers of the SDE

Energy distance of ${count} samples to 1,024 exact draws, 2 E|a - b| - E|a - a'| - E|b - b'|: 0 for the same law. The exact ODE's end
points have ${floor}, which is what so few samples can show. Noise comes from one Brownian path (\`brownianNoise\`).

| solver | ${budgets
  .slice(1)
  .map((n) => `${n} calls`)
  .join(' | ')} |
| --- | ${budgets
  .slice(1)
  .map(() => '---')
  .join(' | ')} |
${stochasticLines.join('\n')}
`;
writeFileSync(new URL('../docs/quality.md', import.meta.url), page);
console.log(page);
