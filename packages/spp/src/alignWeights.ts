/** The interpolation matrices of RoIAlign along one axis: a bin is the mean of its samples, each between two cells. */
import * as tf from '@tensorflow/tfjs-core';

export interface AlignAxis {
  /** Cells of the map along the axis. */
  readonly size: number;
  readonly bins: number;
  /** Cells a pixel. */
  readonly scale: number;
  /** Samples of a bin; 0: ceil(length of a bin). */
  readonly samplingRatio: number;
  readonly aligned: boolean;
}

/**
 * float32 [boxes, bins, size]. Sample s of bin i lies at start + (i + (s + 0.5) / k) length / bins, less half a cell if
 * aligned; outside of [-1, size] it counts as 0, else it is moved to [0, size - 1] and interpolated.
 */
export function hostAlignWeights(low: Float64Array, high: Float64Array, axis: AlignAxis): Float32Array {
  const { bins, size } = axis;
  const weights = new Float32Array(low.length * bins * size);
  low.forEach((from, box) => {
    const { start, bin, samples } = samplesOf(from, high[box]!, axis);
    if (samples <= 0) return;
    const step = bin / samples;
    for (let i = 0; i < bins; i++) {
      const first = start + i * bin;
      const [begin, end] = samplesInside(first, step, samples, size);
      for (let s = begin; s < end; s++) {
        addSample(weights, (box * bins + i) * size, size, first + (s + 0.5) * step, 1 / samples);
      }
    }
  });
  return weights;
}

function samplesOf(low: number, high: number, { bins, scale, samplingRatio, aligned }: AlignAxis) {
  const start = low * scale - (aligned ? 0.5 : 0);
  const length = (high - low) * scale;
  const bin = (aligned ? length : Math.max(length, 1)) / bins;
  return { start, bin, samples: samplingRatio > 0 ? samplingRatio : Math.ceil(bin) };
}

/** The samples that can lie in [-1, size], so that a box of any length costs no more than the map does. */
function samplesInside(first: number, step: number, samples: number, size: number): [number, number] {
  if (step === 0) return [0, samples];
  const bounds = [-1, size].map((edge) => (edge - first) / step - 0.5).sort((a, b) => a - b);
  return [Math.max(0, Math.floor(bounds[0]!)), Math.min(samples, Math.ceil(bounds[1]!) + 1)];
}

function addSample(weights: Float32Array, at: number, size: number, position: number, weight: number): void {
  if (position < -1 || position > size) return;
  const inside = Math.max(0, Math.min(size - 1, position));
  const cell = Math.floor(inside);
  const fraction = inside - cell;
  weights[at + cell]! += weight * (1 - fraction);
  if (fraction > 0) weights[at + cell + 1]! += weight * fraction;
}

/**
 * The same of boxes in tensors, on their device. A cell's weight is the sum of max(0, 1 - distance) over the samples. With
 * an adaptive number of them their distance is above half a cell, so that at most four are near a cell: it looks at five
 * from the first that can be.
 */
export function tensorAlignWeights(low: tf.Tensor, high: tf.Tensor, axis: AlignAxis): tf.Tensor {
  const { bins, size, scale, samplingRatio, aligned } = axis;
  const column = (values: tf.Tensor) => tf.reshape(values, [-1, 1, 1]);
  const start = column(tf.sub(tf.mul(low, scale), aligned ? 0.5 : 0));
  const length = column(tf.mul(tf.sub(high, low), scale));
  const bin = tf.div(aligned ? length : tf.maximum(length, 1), bins);
  const samples = samplingRatio > 0 ? tf.fill(bin.shape, samplingRatio) : tf.ceil(bin);
  const divisor = tf.maximum(samples, 1);
  const step = tf.div(bin, divisor);
  const first = tf.add(start, tf.mul(tf.reshape(tf.range(0, bins), [1, bins, 1]), bin));
  const cells = tf.reshape(tf.range(0, size), [1, 1, size]);
  const sampleWeight = (s: tf.Tensor) => {
    const position = tf.add(first, tf.mul(tf.add(s, 0.5), step));
    const counts = tf.logicalAnd(
      tf.logicalAnd(tf.greaterEqual(position, -1), tf.lessEqual(position, size)),
      tf.less(s, samples),
    );
    const distance = tf.abs(tf.sub(tf.clipByValue(position, 0, size - 1), cells));
    return tf.mul(tf.relu(tf.sub(1, distance)), tf.cast(counts, 'float32'));
  };
  const terms: tf.Tensor[] = [];
  if (samplingRatio > 0) {
    for (let s = 0; s < samplingRatio; s++) terms.push(sampleWeight(tf.scalar(s)));
  } else {
    const safeStep = tf.where(tf.greater(step, 0), step, tf.onesLike(step));
    const reach = tf.sub(tf.div(tf.sub(tf.sub(cells, 1), first), safeStep), 0.5);
    const nearest = tf.maximum(tf.ceil(reach), 0);
    for (let s = 0; s < 5; s++) terms.push(sampleWeight(tf.add(nearest, s)));
  }
  return tf.div(tf.addN(terms.map((term) => tf.broadcastTo(term, [low.shape[0]!, bins, size]))), divisor);
}
