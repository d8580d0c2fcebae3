/**
 * Explicit Runge-Kutta methods as data: x' = x + h sum weights_j k_j with k_i = f(x + h sum stages_ij k_j, t + nodes_i h).
 */
import { dop853Table } from './dop853';

export interface Tableau {
  readonly name: string;
  readonly order: number;
  readonly nodes: readonly number[];
  /** Row i has i numbers. */
  readonly stages: readonly (readonly number[])[];
  readonly weights: readonly number[];
  /** Only of embedded pairs. */
  readonly embedded?: Embedded;
}

export interface Embedded {
  /** Order of the estimate plus 1: its root gives the next step. */
  readonly exponent: number;
  /** Weights of the differences of solutions, over the stages and the slope at the new point. */
  readonly errors: readonly (readonly number[])[];
  /** The error from the norms of the differences. */
  combine(norms: readonly number[]): number;
  /** Stages for dense output alone, beyond the slope at the new point. */
  readonly extra?: { readonly nodes: readonly number[]; readonly stages: readonly (readonly number[])[] };
  /** Dense output: weights of all slopes at `theta` in [0, 1] of the step. */
  interpolant(theta: number): number[];
}

export const heunTableau: Tableau = {
  ...{ name: 'heun', order: 2, nodes: [0, 1], stages: [[], [1]], weights: [1 / 2, 1 / 2] },
};

export const rk4Tableau: Tableau = {
  ...{ name: 'rk4', order: 4, nodes: [0, 1 / 2, 1 / 2, 1] },
  stages: [[], [1 / 2], [0, 1 / 2], [0, 0, 1]],
  weights: [1 / 6, 1 / 3, 1 / 3, 1 / 6],
};

/** Powers theta, theta^2, ... of a polynomial without constant term. */
const polynomial = (coefficients: readonly number[], theta: number): number =>
  coefficients.reduceRight((sum, c) => theta * (c + sum), 0);

/**
 * Dense output of order 4, as a polynomial in theta for each slope (Shampine, Some practical Runge-Kutta formulas, 1986,
 * with the constants that scipy uses).
 */
const dopri5Dense: readonly (readonly number[])[] = [
  [1, -8048581381 / 2820520608, 8663915743 / 2820520608, -12715105075 / 11282082432],
  [0, 0, 0, 0],
  [0, 131558114200 / 32700410799, -68118460800 / 10900136933, 87487479700 / 32700410799],
  [0, -1754552775 / 470086768, 14199869525 / 1410260304, -10690763975 / 1880347072],
  [0, 127303824393 / 49829197408, -318862633887 / 49829197408, 701980252875 / 199316789632],
  [0, -282668133 / 205662961, 2019193451 / 616988883, -1453857185 / 822651844],
  [0, 40617522 / 29380423, -110615467 / 29380423, 69997945 / 29380423],
];

/** Dormand and Prince 5(4) (1980), advanced with order 5. */
export const dopri5: Tableau = {
  ...{ name: 'dopri5', order: 5, nodes: [0, 1 / 5, 3 / 10, 4 / 5, 8 / 9, 1] },
  stages: [
    [],
    [1 / 5],
    [3 / 40, 9 / 40],
    [44 / 45, -56 / 15, 32 / 9],
    [19372 / 6561, -25360 / 2187, 64448 / 6561, -212 / 729],
    [9017 / 3168, -355 / 33, 46732 / 5247, 49 / 176, -5103 / 18656],
  ],
  weights: [35 / 384, 0, 500 / 1113, 125 / 192, -2187 / 6784, 11 / 84],
  embedded: {
    exponent: 5,
    errors: [[-71 / 57600, 0, 71 / 16695, -71 / 1920, 17253 / 339200, -22 / 525, 1 / 40]],
    combine: ([norm]) => norm!,
    interpolant: (theta) => dopri5Dense.map((row) => polynomial(row, theta)),
  },
};

const stagesOf853 = dop853Table.weights.length;

/** DOP853: order 8, with Hairer's combination of the estimates of orders 5 and 3. */
export const dop853: Tableau = {
  ...{ name: 'dop853', order: 8, weights: dop853Table.weights },
  nodes: dop853Table.nodes.slice(0, stagesOf853),
  stages: dop853Table.stages.slice(0, stagesOf853),
  embedded: {
    exponent: 8,
    errors: [dop853Table.error5, dop853Table.error3],
    combine: ([five, three]) => {
      const scale = five! ** 2 + 0.01 * three! ** 2;
      return scale === 0 ? 0 : five! ** 2 / Math.sqrt(scale);
    },
    extra: {
      nodes: dop853Table.nodes.slice(stagesOf853 + 1),
      stages: dop853Table.stages.slice(stagesOf853 + 1),
    },
    interpolant: interpolate853,
  },
};

/** theta (F0 + (1 - theta) (F1 + theta (F2 + ...))), each F linear in the slopes. */
function interpolate853(theta: number): number[] {
  const count = stagesOf853 + 1 + 3;
  const solution = Array.from({ length: count }, (_, j) => dop853Table.weights[j] ?? 0);
  const first = (j: number) => (j === 0 ? 1 : 0);
  const last = (j: number) => (j === stagesOf853 ? 1 : 0);
  const forms = [
    (j: number) => solution[j]!,
    (j: number) => first(j) - solution[j]!,
    (j: number) => 2 * solution[j]! - first(j) - last(j),
    ...dop853Table.dense.map((row) => (j: number) => row[j]!),
  ];
  return solution.map((_, j) =>
    forms.reduceRight((sum, form, k) => (k % 2 === 0 ? theta : 1 - theta) * (form(j) + sum), 0),
  );
}
