/** PowerSGD: gradients of matrices travel as two thin factors. */
import * as tf from '@tensorflow/tfjs-core';
import { checkInteger, checkKnownOptions, key, normal } from '@tfkit/core';
import type { ProcessGroup } from '../processGroup';
import type { VariableGradients } from './dataParallel';
import { flatLayout, gradientsOf, pack } from './flat';
import { broadcastVariables, checkSameVariables, type DdpTarget, trainedOf } from './variables';

/** Options of `powerSgd`: the ranks that train together (required), and the size and seed of the factors. */
export interface PowerSgdOptions {
  readonly group: ProcessGroup;
  /** Columns of the factors: a matrix [n, m] is sent as rank (n + m) numbers. Default 4. */
  readonly rank?: number;
  /** Of the first factors, the same on all ranks. Default 0. */
  readonly seed?: number;
}

/** A parameter whose gradient is factored; kernels of more axes are matrices of all but the last, and the last. */
interface Factored {
  readonly index: number;
  readonly rows: number;
  readonly columns: number;
  readonly rank: number;
  /** Q [columns, rank], of the last step. */
  right: Float32Array;
  /** What the factors have left out so far, [rows, columns]. */
  error: tf.Tensor2D;
}

/** Made by `powerSgd`. */
export class PowerSgd {
  /** Numbers that this rank sends in a step, and that it would send without compression. */
  readonly sent: { readonly compressed: number; readonly plain: number };
  private readonly factored: readonly Factored[];
  private readonly plain: readonly number[];

  /** @internal */
  constructor(
    private readonly group: ProcessGroup,
    private readonly parameters: readonly tf.Variable[],
    rank: number,
    seed: number,
  ) {
    this.factored = parameters.flatMap((variable, index) => {
      const columns = variable.shape.at(-1) ?? 1;
      const rows = variable.size / columns;
      const own = Math.min(rank, rows, columns);
      // It must be shorter than the matrix itself.
      if (variable.rank < 2 || own * (rows + columns) >= rows * columns) return [];
      const right = normal(key(seed + index), columns * own);
      return [
        { index, rows, columns, rank: own, right, error: tf.keep(tf.zeros<tf.Rank.R2>([rows, columns])) },
      ];
    });
    const chosen = new Set(this.factored.map(({ index }) => index));
    this.plain = parameters.flatMap((_, index) => (chosen.has(index) ? [] : [index]));
    const count = (indices: readonly number[]) =>
      indices.reduce((sum, index) => sum + parameters[index]!.size, 0);
    const factors = this.factored.reduce(
      (sum, { rows, columns, rank: own }) => sum + own * (rows + columns),
      0,
    );
    this.sent = {
      compressed: count(this.plain) + factors,
      plain: count(parameters.map((_, index) => index)),
    };
  }

  /**
   * The loss of this rank's batch and the approximate mean gradients, by the names of the variables. The caller disposes
   * them. What the approximation leaves out is added to the next step's gradients. A collective call.
   */
  async variableGrads(loss: () => tf.Scalar): Promise<VariableGradients> {
    const { parameters, factored, plain } = this;
    const { value, grads } = gradientsOf(loss, parameters);
    const matrices = factored.map(({ index, rows, columns, error }) =>
      tf.tidy(() => tf.add(tf.reshape(grads[index]!, [rows, columns]), error) as tf.Tensor2D),
    );
    // P = M Q, its mean over the ranks, beside the gradients that are sent as they are.
    const lefts = factored.map(({ right, columns, rank }, i) =>
      tf.tidy(() => tf.matMul(matrices[i]!, tf.tensor2d(right, [columns, rank]))),
    );
    const plainGrads = plain.map((index) => grads[index]!);
    const first = await this.mean([...lefts, ...plainGrads]);
    tf.dispose([...lefts, ...grads]);
    const bases = factored.map(({ rows, rank }, i) =>
      tf.tensor2d(orthonormal(first[i]!, rows, rank), [rows, rank]),
    );
    // Q = M' P: the projection of all ranks' matrices.
    const rights = factored.map((_, i) => tf.matMul(matrices[i]!, bases[i]!, true, false));
    const second = await this.mean(rights);
    tf.dispose(rights);
    const named: tf.NamedTensorMap = {};
    for (const [i, entry] of factored.entries()) {
      const { name, shape } = parameters[entry.index]!;
      entry.right = second[i]!;
      const approximate = tf.tidy(() =>
        tf.matMul(bases[i]!, tf.tensor2d(entry.right, [entry.columns, entry.rank]), false, true),
      );
      entry.error.dispose();
      entry.error = tf.keep(tf.sub(matrices[i]!, approximate) as tf.Tensor2D);
      named[name] = tf.reshape(approximate, shape);
      tf.dispose([approximate, matrices[i]!, bases[i]!]);
    }
    for (const [i, index] of plain.entries()) {
      const { name, shape } = parameters[index]!;
      named[name] = tf.tensor(first[factored.length + i]!, shape);
    }
    // In the order of the parameters, as tf.variableGrads gives them.
    const ordered = parameters.map(({ name }) => [name, named[name]!] as const);
    return { value, grads: Object.fromEntries(ordered) };
  }

  /** One step of `optimizer`; the loss of this rank's batch, which the caller disposes. */
  async minimize(optimizer: tf.Optimizer, loss: () => tf.Scalar): Promise<tf.Scalar> {
    const { value, grads } = await this.variableGrads(loss);
    optimizer.applyGradients(Object.entries(grads).map(([name, tensor]) => ({ name, tensor })));
    tf.dispose(grads);
    return value;
  }

  /** Disposes what was kept for the next steps. */
  dispose(): void {
    for (const { error } of this.factored) error.dispose();
  }

  /** The mean of each tensor over all ranks, in one reduction. */
  private async mean(tensors: readonly tf.Tensor[]): Promise<Float32Array[]> {
    const { offsets, length } = flatLayout(tensors.map(({ size }) => size));
    const flat = new Float32Array(length);
    await pack(tensors, flat);
    this.group.sync.allReduceInPlace(flat, 'mean');
    return tensors.map(({ size }, i) => flat.slice(offsets[i]!, offsets[i]! + size));
  }
}

/** Columns made orthonormal one after the other (modified Gram-Schmidt); one that depends on those before becomes zero. */
function orthonormal(matrix: Float32Array, rows: number, columns: number): Float32Array {
  const work = Float64Array.from(matrix);
  const dot = (a: number, b: number) => {
    let sum = 0;
    for (let row = 0; row < rows; row++) sum += work[row * columns + a]! * work[row * columns + b]!;
    return sum;
  };
  for (let column = 0; column < columns; column++) {
    const before = Math.sqrt(dot(column, column));
    // Twice: once is not enough where columns are almost parallel.
    for (let pass = 0; pass < 2; pass++) {
      for (let other = 0; other < column; other++) {
        const along = dot(column, other);
        for (let row = 0; row < rows; row++) {
          work[row * columns + column]! -= along * work[row * columns + other]!;
        }
      }
    }
    const norm = Math.sqrt(dot(column, column));
    const scale = norm > 1e-6 * before && norm > 0 ? 1 / norm : 0;
    for (let row = 0; row < rows; row++) work[row * columns + column]! *= scale;
  }
  return Float32Array.from(work);
}

/**
 * Data-parallel training with gradients of low rank: of each matrix two thin factors are reduced, found by one step of
 * the power method from those of the step before, with error feedback. For slow links; vectors are sent as they are.
 * A collective call; all ranks take over rank 0's variables. Use it instead of `ddp`.
 *
 * @throws CollectiveError if shapes differ between ranks; OptionError for a bad option.
 * @example
 * const power = await powerSgd(variables, { group, rank: 4 });
 * const loss = await power.minimize(optimizer, () => lossOf(batch));
 *
 * Source: Vogels et al., PowerSGD, NeurIPS 2019 (arXiv:1905.13727), algorithms 1 and 2.
 */
export async function powerSgd(target: DdpTarget, options: PowerSgdOptions): Promise<PowerSgd> {
  checkKnownOptions('powerSgd', options, ['group', 'rank', 'seed']);
  const { group, rank = 4, seed = 0 } = options;
  checkInteger(['powerSgd', 'options.rank'], rank, { min: 1 });
  checkInteger(['powerSgd', 'options.seed'], seed, { min: 0, max: 2 ** 52 });
  const trained = trainedOf(target);
  checkSameVariables(group, trained);
  await broadcastVariables(group, [...trained.parameters, ...trained.buffers]);
  return new PowerSgd(group, trained.parameters, rank, seed);
}
