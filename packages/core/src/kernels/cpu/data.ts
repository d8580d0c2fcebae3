/** Access to the cpu backend's data. */
import type * as tf from '@tensorflow/tfjs-core';

/** The internals of tfjs-backend-cpu 4.22 that are used here. */
export interface CpuBackend {
  readonly data: { get(dataId: object): { values: unknown } };
  makeTensorInfo(shape: readonly number[], dtype: tf.DataType, values: Float32Array): tf.TensorInfo;
}

/** A tensor's float32 values, not to be written to: tfjs hands the same array to users. Undefined for other dtypes. */
export function floatsOf(backend: CpuBackend, tensor: tf.TensorInfo): Float32Array | undefined {
  const values = backend.data.get(tensor.dataId)?.values;
  return tensor.dtype === 'float32' && values instanceof Float32Array ? values : undefined;
}
