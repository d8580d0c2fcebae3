/** Adam with one pass over memory a step. */
import * as tf from '@tensorflow/tfjs-core';

export interface AdamOptions {
  /** Step size. Default 0.001. */
  readonly learningRate?: number;
  /** Decay of the first moment, in [0, 1). Default 0.9. */
  readonly beta1?: number;
  /** Decay of the second moment, in [0, 1). Default 0.999. */
  readonly beta2?: number;
  /** Added to the root of the corrected second moment. Default: the backend's, 1e-7 for 32-bit floats. */
  readonly epsilon?: number;
}

/**
 * An optimizer that takes the steps of `tf.train.adam` in one pass over memory where the backend has a kernel
 * `TfkitAdam` (wasm, cpu, webgpu, tensorflow), elsewhere as a composition. It is a `tf.AdamOptimizer`: it saves,
 * loads and configures like one, and serves wherever one is taken.
 *
 * Source: Kingma and Ba, Adam, 2015, algorithm 1 (arXiv:1412.6980), epsilon as there.
 *
 * @example
 * const optimizer = adam({ learningRate: 1e-3 });
 * optimizer.minimize(() => loss(model, batch));
 */
export function adam({
  learningRate = 0.001,
  beta1 = 0.9,
  beta2 = 0.999,
  epsilon,
}: AdamOptions = {}): tf.AdamOptimizer {
  return new FusedAdam(learningRate, beta1, beta2, epsilon);
}

interface Slot {
  readonly originalName: string;
  readonly variable: tf.Variable;
}

/** The state that tf.AdamOptimizer keeps to itself. */
interface AdamState {
  accumulatedFirstMoment: Slot[];
  accumulatedSecondMoment: Slot[];
  accBeta1: tf.Variable;
  accBeta2: tf.Variable;
}

/** What the kernel `TfkitAdam` takes: learningRate / (1 - beta1^t) and 1 - beta2^t are computed on the host. */
export interface AdamAttributes {
  readonly beta1: number;
  readonly beta2: number;
  readonly stepSize: number;
  readonly correction2: number;
  readonly epsilon: number;
}

/** One step as a composition: the new parameter, first and second moment. */
export function composedAdam(
  { parameter, firstMoment, secondMoment, gradient }: Record<string, tf.Tensor>,
  { beta1, beta2, stepSize, correction2, epsilon }: AdamAttributes,
): tf.Tensor[] {
  const first = tf.add(tf.mul(firstMoment!, beta1), tf.mul(gradient!, 1 - beta1));
  const second = tf.add(tf.mul(secondMoment!, beta2), tf.mul(tf.square(gradient!), 1 - beta2));
  const root = tf.add(tf.sqrt(tf.div(second, correction2)), epsilon);
  return [tf.sub(parameter!, tf.div(tf.mul(first, stepSize), root)), first, second];
}

class FusedAdam extends tf.AdamOptimizer {
  override applyGradients(variableGradients: Parameters<tf.AdamOptimizer['applyGradients']>[0]): void {
    const gradients = Array.isArray(variableGradients)
      ? variableGradients.map(({ name, tensor }) => [name, tensor] as const)
      : Object.entries(variableGradients);
    const state = this as unknown as AdamState;
    const step = this.iterations + 1;
    const attributes: AdamAttributes = {
      beta1: this.beta1,
      beta2: this.beta2,
      stepSize: this.learningRate / (1 - this.beta1 ** step),
      correction2: 1 - this.beta2 ** step,
      epsilon: this.epsilon as number,
    };
    gradients.forEach(([name, gradient], index) => {
      if (!gradient) return;
      const variable = tf.engine().registeredVariables[name]!;
      state.accumulatedFirstMoment[index] ??= slot(`${name}/m`, variable);
      state.accumulatedSecondMoment[index] ??= slot(`${name}/v`, variable);
      const targets = [
        variable,
        state.accumulatedFirstMoment[index].variable,
        state.accumulatedSecondMoment[index].variable,
      ];
      const [parameter, firstMoment, secondMoment] = targets as [tf.Variable, tf.Variable, tf.Variable];
      const inputs = { parameter, firstMoment, secondMoment, gradient };
      const updated = tf.tidy(() =>
        tf.getKernel('TfkitAdam', tf.getBackend())
          ? tf.engine().runKernel('TfkitAdam', inputs, { ...attributes })
          : composedAdam(inputs, attributes),
      ) as tf.Tensor[];
      targets.forEach((target, i) => {
        target.assign(updated[i]!);
        updated[i]!.dispose();
      });
    });
    this.incrementIterations();
    this.setPowers();
  }

  /** tfjs raises the betas with the backend's own `pow`, which GPUs round coarsely. */
  override async setWeights(weights: Parameters<tf.AdamOptimizer['setWeights']>[0]): Promise<void> {
    await super.setWeights(weights);
    this.setPowers();
  }

  /** The powers of beta that tf.AdamOptimizer itself uses where there is no kernel. */
  private setPowers(): void {
    const { accBeta1, accBeta2 } = this as unknown as AdamState;
    tf.tidy(() => {
      accBeta1.assign(tf.scalar(this.beta1 ** (this.iterations + 1)));
      accBeta2.assign(tf.scalar(this.beta2 ** (this.iterations + 1)));
    });
  }
}

function slot(originalName: string, like: tf.Variable): Slot {
  return { originalName, variable: tf.tidy(() => tf.variable(tf.zerosLike(like), false)) };
}
