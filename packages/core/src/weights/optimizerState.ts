/**
 * The whole state of tfjs' optimizers, so that training goes on to the bit.
 *
 * `getWeights` and `setWeights` of tfjs 4.22 do not do: Adamax has none, Adam's powers of beta are computed anew by
 * `pow`, which is not the product that training made, and the old variables are leaked. So the fields are read
 * themselves; all of them are optimizer state by the names of TensorFlow's slots.
 */
import * as tf from '@tensorflow/tfjs-core';
import { OptionError } from '../errors';

/** What a checkpoint says of an optimizer beside its tensors. */
export interface OptimizerRecord {
  readonly className: string;
  readonly iterations: number;
  readonly config: Readonly<Record<string, number | boolean | null>>;
}

interface Layout {
  /** Fields with one variable for each trained variable, in the order of training, by the slot's name. */
  readonly slots: Readonly<Record<string, string>>;
  /** Fields with one scalar variable. */
  readonly scalars?: readonly string[];
}

const layouts: Readonly<Record<string, Layout>> = {
  SGD: { slots: {} },
  Momentum: { slots: { momentum: 'accumulations' } },
  Adagrad: { slots: { accumulator: 'accumulatedGrads' } },
  Adadelta: { slots: { accum_grad: 'accumulatedGrads', accum_var: 'accumulatedUpdates' } },
  Adam: {
    slots: { m: 'accumulatedFirstMoment', v: 'accumulatedSecondMoment' },
    scalars: ['accBeta1', 'accBeta2'],
  },
  Adamax: {
    slots: { m: 'accumulatedFirstMoment', v: 'accumulatedWeightedInfNorm' },
    scalars: ['accBeta1', 'iteration'],
  },
  RMSProp: {
    slots: { rms: 'accumulatedMeanSquares', momentum: 'accumulatedMoments', mg: 'accumulatedMeanGrads' },
  },
};

interface Slot {
  originalName: string;
  variable: tf.Variable;
}

/** The fields that tfjs declares protected. */
interface Internals {
  iterations_: number;
  m?: tf.Scalar;
  setLearningRate?(learningRate: number): void;
  [field: string]: unknown;
}

const internalsOf = (optimizer: tf.Optimizer) => optimizer as unknown as Internals;

/** The class name that the layouts go by; an OptionError if the state of this class is not known. */
export function checkOptimizer(functionName: string, optimizer: tf.Optimizer): string {
  const className = optimizer?.getClassName?.();
  if (Object.hasOwn(layouts, className)) return className;
  const known = Object.keys(layouts).join(', ');
  throw new OptionError(
    `${functionName}: optimizer must be one of tf.train (${known}), got ${className}. ` +
      'Save the state of others among the variables.',
  );
}

export function recordOf(optimizer: tf.Optimizer): OptimizerRecord {
  return {
    className: optimizer.getClassName(),
    iterations: optimizer.iterations,
    config: optimizer.getConfig() as OptimizerRecord['config'],
  };
}

/** The optimizer's tensors: `<index of the variable>/<slot>`, and scalars by their names. Not to be disposed. */
export function stateTensors(optimizer: tf.Optimizer): [string, tf.Tensor][] {
  const internals = internalsOf(optimizer);
  const { slots, scalars = [] } = layouts[optimizer.getClassName()] as Layout;
  const named = Object.entries(slots).flatMap(([slot, field]) =>
    ((internals[field] ?? []) as Slot[]).map(({ variable }, i): [string, tf.Tensor] => [
      `${i}/${slot}`,
      variable,
    ]),
  );
  return [...named, ...scalars.map((name): [string, tf.Tensor] => [name, internals[name] as tf.Variable])];
}

/** Whether every tensor has its place in an optimizer of this class, and every slot the same number. */
export function fitsLayout(className: string, names: readonly string[]): boolean {
  const { slots, scalars = [] } = layouts[className] as Layout;
  const expected = new Set(scalars);
  const counts = Object.keys(slots).map((slot) => names.filter((name) => name.endsWith(`/${slot}`)).length);
  const count = Math.max(0, ...counts);
  for (const [position, slot] of Object.keys(slots).entries()) {
    // RMSProp has `mg` only if it is centered.
    if (counts[position] === 0 && slot === 'mg') continue;
    for (let i = 0; i < count; i++) expected.add(`${i}/${slot}`);
  }
  return expected.size === names.length && names.every((name) => expected.has(name));
}

/**
 * Makes the optimizer what it was: its hyperparameters (as PyTorch's `load_state_dict`), its count, its variables. The
 * tensors, which have to fit its layout, become the optimizer's.
 */
export function restoreOptimizer(
  optimizer: tf.Optimizer,
  record: OptimizerRecord,
  tensors: ReadonlyMap<string, tf.Tensor>,
): void {
  const internals = internalsOf(optimizer);
  const { slots, scalars = [] } = layouts[record.className] as Layout;
  Object.assign(internals, record.config);
  internals.setLearningRate?.(record.config.learningRate as number);
  if (internals.m) {
    internals.m.dispose();
    internals.m = tf.keep(tf.scalar(record.config.momentum as number));
  }
  internals.iterations_ = record.iterations;
  for (const name of scalars) (internals[name] as tf.Variable).assign(tensors.get(name) as tf.Tensor);
  for (const [slot, field] of Object.entries(slots)) {
    tf.dispose(((internals[field] ?? []) as Slot[]).map(({ variable }) => variable));
    const restored: Slot[] = [];
    for (let i = 0; tensors.has(`${i}/${slot}`); i++) {
      const variable = tf.variable(tensors.get(`${i}/${slot}`) as tf.Tensor, false);
      restored.push({ originalName: `${i}/${slot}`, variable });
    }
    internals[field] = restored;
  }
}
