/** Reading a tensor where the data is in this process, or where no kernel is: cpu, tensorflow, and backends unknown. */
import type * as tf from '@tensorflow/tfjs-core';

export const floats = (tensor: tf.Tensor): Float32Array => tensor.dataSync<'float32'>() as Float32Array;
export const ints = (tensor: tf.Tensor): Int32Array => tensor.dataSync<'int32'>() as Int32Array;
