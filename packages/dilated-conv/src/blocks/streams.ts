/** Causal stacks run step by step: each convolution keeps the inputs its taps reach back to in a ring. */
import * as tf from '@tensorflow/tfjs-core';
import { checkDType, checkInteger, checkRank, checkShape } from '@tfkit/core';
import { type ConvWeights, checkRateList } from './convWeights';
import { normalizedKernel, type TcnWeights, tcnRates } from './tcn';
import type { WaveNetWeights } from './waveNet';

export interface StreamOptions {
  /** One rate a block or layer. Default 1, 2, 4, ... */
  readonly rates?: readonly number[];
  /** Sequences run side by side. Default 1. */
  readonly batch?: number;
}

/** A causal network with its state. It owns that state and its copy of the weights: dispose it. */
export interface CausalStream {
  /**
   * The output at the next time step, which equals that of the whole sequence at once.
   *
   * @param x float32 [batch, channels], not disposed.
   * @returns float32 [batch, out channels]. The caller disposes it.
   */
  step(x: tf.Tensor2D): tf.Tensor2D;
  /** Forgets the past: what came before is zeros again. */
  reset(): void;
  dispose(): void;
}

/** `tcn` step by step: one matrix product a convolution and step, whatever the receptive field. */
export function tcnStream({ blocks }: TcnWeights, options: StreamOptions = {}): CausalStream {
  const { rates, batch } = settings('tcnStream', options, blocks.length, 'blocks');
  return makeStream('tcnStream', batch, blocks[0]!.v1.shape[1], (conv) => {
    const parts = blocks.map(({ v1, g1, b1, v2, g2, b2, residual }, i) => ({
      inner: conv({ kernel: normalizedKernel(v1, g1), bias: b1 }, rates[i]!),
      outer: conv({ kernel: normalizedKernel(v2, g2), bias: b2 }, rates[i]!),
      residual: residual && conv(residual, 1),
    }));
    return (x) =>
      parts.reduce<tf.Tensor2D>((input, { inner, outer, residual }) => {
        const y = tf.relu(outer(tf.relu(inner(input))));
        return tf.relu<tf.Tensor2D>(tf.add<tf.Tensor2D>(y, residual ? residual(input) : input));
      }, x);
  });
}

/** `waveNet` step by step: the sum of the skip outputs at each step. */
export function waveNetStream({ input, layers }: WaveNetWeights, options: StreamOptions = {}): CausalStream {
  const { rates, batch } = settings('waveNetStream', options, layers.length, 'layers');
  return makeStream('waveNetStream', batch, input.kernel.shape[1], (conv) => {
    const first = conv(input, 1);
    const parts = layers.map(({ filter, gate, skip, residual }, i) => ({
      filter: conv(filter, rates[i]!),
      gate: conv(gate, rates[i]!),
      skip: conv(skip, 1),
      residual: residual && conv(residual, 1),
    }));
    return (x) => {
      let h = first(x);
      const skips = parts.map(({ filter, gate, skip, residual }) => {
        const z = tf.mul(tf.tanh(filter(h)), tf.sigmoid(gate(h))) as tf.Tensor2D;
        if (residual) h = tf.add(h, residual(z));
        return skip(z);
      });
      return tf.addN(skips);
    };
  });
}

function settings(name: string, options: StreamOptions, count: number, what: string) {
  const { rates = tcnRates(count), batch = 1 } = options;
  checkInteger([name, `weights.${what}.length`], count, { min: 1 });
  checkRateList(name, rates, count, what);
  checkInteger([name, 'batch'], batch, { min: 1 });
  return { rates, batch };
}

type Step = (x: tf.Tensor2D) => tf.Tensor2D;
type MakeConv = (weights: ConvWeights<tf.Tensor3D>, rate: number) => Step;

function makeStream(
  name: string,
  batch: number,
  channels: number,
  build: (conv: MakeConv) => Step,
): CausalStream {
  const rings: CausalConv[] = [];
  let run: Step | undefined;
  const dispose = () => {
    run = undefined;
    for (const ring of rings) ring.dispose();
  };
  try {
    tf.tidy(() => {
      run = build((weights, rate) => {
        checkRank([name, 'kernel'], weights.kernel, 3, '[taps, in, out]');
        checkDType([name, 'kernel'], weights.kernel, ['float32']);
        checkInteger([name, 'taps of a kernel'], weights.kernel.shape[0], { min: 1 });
        const ring = new CausalConv(weights, rate, batch);
        rings.push(ring);
        return (x) => ring.step(x);
      });
    });
  } catch (error) {
    dispose();
    throw error;
  }
  return {
    step(x) {
      const step = run;
      if (!step) throw new Error(`${name}: step must not be called after dispose.`);
      checkShape([name, 'x'], x, [batch, channels], 'One step is [batch, channels].');
      return tf.tidy(() => step(x));
    },
    reset() {
      for (const ring of rings) ring.forget();
    },
    dispose,
  };
}

/** One causal convolution: a ring of its last (taps - 1) * rate inputs, and the kernel as one matrix. */
class CausalConv {
  private readonly matrix: tf.Tensor2D;
  private readonly bias: tf.Tensor | undefined;
  private readonly zeros: tf.Tensor2D;
  private readonly taps: number;
  private readonly ring: (tf.Tensor2D | undefined)[];
  private next = 0;

  constructor(
    { kernel, bias }: ConvWeights<tf.Tensor3D>,
    private readonly rate: number,
    batch: number,
  ) {
    const [taps, channels, outputs] = kernel.shape;
    this.taps = taps;
    // Copies: the variables that they come from may be trained on, or disposed.
    this.matrix = tf.keep(tf.clone(tf.reshape(kernel, [taps * channels, outputs])));
    this.bias = bias && tf.keep(tf.clone(bias));
    this.zeros = tf.keep(tf.zeros<tf.Rank.R2>([batch, channels]));
    this.ring = new Array((taps - 1) * rate).fill(undefined);
  }

  /** Tap a reads the input of (taps - 1 - a) * rate steps ago. */
  step(x: tf.Tensor2D): tf.Tensor2D {
    const size = this.ring.length;
    const read: tf.Tensor2D[] = [];
    for (let tap = 0; tap < this.taps - 1; tap++) {
      // The slot about to be overwritten holds the oldest input, of `size` steps ago.
      read.push(this.ring[(this.next + tap * this.rate) % size] ?? this.zeros);
    }
    const product = tf.matMul(tf.concat([...read, x], 1), this.matrix);
    if (size > 0) {
      this.ring[this.next]?.dispose();
      this.ring[this.next] = tf.keep(tf.clone(x));
      this.next = (this.next + 1) % size;
    }
    return (this.bias ? tf.add(product, this.bias) : product) as tf.Tensor2D;
  }

  forget(): void {
    for (const slot of this.ring) slot?.dispose();
    this.ring.fill(undefined);
    this.next = 0;
  }

  dispose(): void {
    this.forget();
    tf.dispose([this.matrix, this.zeros]);
    this.bias?.dispose();
  }
}
