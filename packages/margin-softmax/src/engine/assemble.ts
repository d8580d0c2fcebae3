/** What the fused op takes, from what the user gives. */
import * as tf from '@tensorflow/tfjs-core';
import type { Margin } from '../margins/margin';
import type { OthersPlan } from './chunk';
import type { ClassRows } from './classRows';
import type { FusedInputs } from './fused';
import type { MarginLossOptions } from './marginLoss';
import {
  angleTo,
  isInside,
  lengthsOf,
  marginsOf,
  plainLogSumExp,
  planOthers,
  prepareBatch,
  targetRowsOf,
} from './prepare';

export interface Assembled {
  readonly inputs: Omit<FusedInputs, 'weights'>;
  readonly plan: OthersPlan;
  readonly norms: tf.Tensor1D;
  /** Which labels are classes. */
  readonly inside: tf.Tensor1D;
}

/** The inputs of the fused op. Runs the method's own step, which updates its state. */
export function assemble(
  name: string,
  embeddings: tf.Tensor2D,
  classes: ClassRows,
  labels: tf.Tensor1D,
  margin: Margin,
  options: MarginLossOptions,
): Assembled {
  const [batch] = embeddings.shape;
  const { labelSmoothing = 0, bias, ignoreLabel } = options;
  const plan = planOthers(margin, batch, classes, {
    chunk: options.chunk,
    withSum: labelSmoothing > 0,
    freeScale: options.scale !== undefined || margin.prepare?.gives === 'scale',
    hasBias: bias !== undefined,
  });
  const { unit, norms } = lengthsOf(embeddings);
  const targetRows = targetRowsOf(labels, unit, classes, margin.subCenters);
  const inside = isInside(labels, classes.numRows / margin.subCenters);
  const counted =
    ignoreLabel === undefined ? inside : tf.logicalAnd(inside, tf.notEqual(labels, ignoreLabel));
  const prepared = prepareBatch(name, {
    margin,
    angle: () => angleTo(unit, classes, targetRows),
    norms,
    valid: tf.cast(counted, 'float32') as tf.Tensor1D,
    state: options.state,
    margins: marginsOf(name, margin, batch, options),
    logSumExpOfOthers: (scale) => plainLogSumExp(unit, labels, classes, plan, scale),
  });
  const scale = options.scale ?? prepared.scale ?? tf.scalar(margin.scale);
  const x = margin.normalize === 'both' ? unit : embeddings;
  const { margins, parameters } = prepared;
  const inputs = { x, unit, scale, labels, targetRows, bias, margins, parameters };
  return { inputs, plan, norms, inside };
}
