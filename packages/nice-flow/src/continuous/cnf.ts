/** Continuous flows: x moves along a learnt field for a time, and the log-determinant is the integral of its divergence. */
import * as tf from '@tensorflow/tfjs-core';
import { checkInteger, checkNumber, checkOneOf, foldIn, key as keyOf, OptionError, split } from '@tfkit/core';
import { type Bijector, childScope, defineBijector, prefixed, type Scope } from '../bijector';
import { randomSigns } from '../residual/probes';
import { type SmoothActivation, smoothActivations, tangentMlp, unitTangents } from '../residual/tangentMlp';
import { dormandPrince, rungeKutta4 } from './dormandPrince';

/** Options of `cnf`: its field, its divergence, and the solver. `rtol` and `atol` must be positive. */
export interface CnfOptions {
  /** Units of each hidden layer of the field. Default [64, 64]. */
  readonly hidden?: readonly number[];
  /** Default 'tanh'. */
  readonly activation?: SmoothActivation;
  /** The field for a time from 0 to this, positive. Default 1. */
  readonly time?: number;
  /**
   * 'exact': the divergence from the whole Jacobian, features times the work; 'hutchinson': its estimate from one random direction for
   * the whole way, unbiased where the scope has a key, as in `fit`. Default 'exact' up to 8 entries.
   */
  readonly trace?: 'exact' | 'hutchinson';
  /** Error allowed a step, relative and absolute, of both z and the log-determinant. Default 1e-5. */
  readonly rtol?: number;
  readonly atol?: number;
  /** Most steps, taken or refused. Default 1000. */
  readonly maxSteps?: number;
  /** Steps of equal length instead (Runge-Kutta 4): for backends that cannot be read in between (webgpu). Default: adaptive. */
  readonly steps?: number;
}

/**
 * z = x(time), dx/dt = f(x, t), on vectors; log-determinant the integral of tr(df/dx). Solved by Dormand and Prince's adaptive
 * method, the inverse alike backwards in time. Gradients are those of the steps taken (no adjoint equation).
 *
 * Parameters: 'net.<i>.kernel', 'net.<i>.bias', 'net.0.time'.
 * @throws OptionError for a bad option, or without `steps` on a backend that cannot be read synchronously; ShapeError, when used,
 * for images; Error if the field is too stiff for `maxSteps`.
 * Source: Chen et al., Neural Ordinary Differential Equations, NeurIPS 2018, eq. 8 (arXiv:1806.07366); 'hutchinson': Grathwohl et
 * al., FFJORD, ICLR 2019, eq. 8 (arXiv:1810.01367).
 */
export function cnf(options: CnfOptions = {}): Bijector {
  const name = 'cnf';
  const { hidden = [64, 64], activation = 'tanh', time = 1, trace, rtol = 1e-5, atol = 1e-5 } = options;
  const { maxSteps = 1000, steps } = options;
  checkOneOf([name, 'activation'], activation, smoothActivations);
  checkNumber([name, 'time'], time, { min: 0, open: 'min' });
  if (trace !== undefined) checkOneOf([name, 'trace'], trace, ['exact', 'hutchinson']);
  checkNumber([name, 'rtol'], rtol, { min: 0, open: 'min' });
  checkNumber([name, 'atol'], atol, { min: 0, open: 'min' });
  checkInteger([name, 'maxSteps'], maxSteps, { min: 1 });
  if (steps !== undefined) checkInteger([name, 'steps'], steps, { min: 1 });
  const net = tangentMlp({ name, hidden, activation, hasTime: true });

  const solve = (x: tf.Tensor, scope: Scope, from: number, to: number) => {
    const [batch, features] = x.shape as [number, number];
    const fieldAt = net.open(childScope(scope, 'net'));
    const isExact = (trace ?? (features <= 8 ? 'exact' : 'hutchinson')) === 'exact';
    const tangents = isExact
      ? unitTangents(batch, features)
      : randomSigns(foldIn(scope.key ?? keyOf(0), 0), [batch, 1, features]);
    const field = (at: number, [state]: readonly tf.Tensor[]) => {
      const { value, push } = fieldAt(state!, at);
      return [value, tf.sum(tf.mul(push(tangents), tangents), [1, 2])];
    };
    const initial = [x, tf.zeros([batch])];
    const [end, logDet] =
      steps === undefined
        ? dormandPrince(field, initial, from, to, { rtol, atol, maxSteps })
        : rungeKutta4(field, initial, from, to, steps);
    return { end: end!, logDet: logDet! };
  };
  const checkBackend = () => {
    if (steps !== undefined || tf.getBackend() !== 'webgpu') return;
    throw new OptionError(
      `${name}: steps must be given on webgpu, which cannot be read between steps, got none. Try steps: 20.`,
    );
  };
  return defineBijector({
    name,
    init: (key, event) => prefixed('net', net.init(split(key)[0]!, event)),
    forward(x, scope) {
      checkBackend();
      const { end, logDet } = solve(x, scope, 0, time);
      return { z: end, logDet };
    },
    inverse(z, scope) {
      checkBackend();
      const { end, logDet } = solve(z, scope, time, 0);
      return { x: end, logDet };
    },
  });
}
