/** Counts from tensors of any backend, and metrics for tf.layers models. */
export {
  type SegmentationMetric,
  type SegmentationMetricOptions,
  segmentationMetric,
} from './segmentationMetric';
export { type TensorUpdateOptions, updateFromTensors } from './updateFromTensors';
