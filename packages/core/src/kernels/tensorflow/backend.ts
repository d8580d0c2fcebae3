/** The internals of tfjs-node 4.22 that are used here. */
import type * as tf from '@tensorflow/tfjs-core';

export interface Attribute {
  readonly name: string;
  readonly type: number;
  readonly value: unknown;
}

/** Tensors that the addon holds by number, unknown to tfjs. */
type TensorNumber = number;

type Constants = Record<
  'TF_ATTR_TYPE' | 'TF_ATTR_SHAPE' | 'TF_ATTR_STRING' | 'TF_ATTR_BOOL' | 'TF_ATTR_INT' | 'TF_FLOAT',
  number
>;

interface Binding extends Constants {
  createTensor(shape: readonly number[], dtype: number, values: Float32Array): TensorNumber;
  deleteTensor(tensor: TensorNumber): void;
  executeOp(
    op: string,
    attributes: Attribute[],
    inputs: TensorNumber[],
    outputs: number,
  ): { readonly id: TensorNumber; readonly shape: number[]; readonly dtype: number }[];
}

export interface TensorflowBackend {
  readonly binding: Binding;
  readonly isUsingGpuDevice: boolean;
  /** The numbers on the host: those that were handed in, if TensorFlow has not seen them yet, else a copy. */
  readSync(dataId: object): Float32Array;
  incRef(dataId: object): void;
  getInputTensorIds(inputs: tf.Tensor[]): TensorNumber[];
  createOutputTensor(output: ReturnType<Binding['executeOp']>[number]): tf.Tensor;
  executeSingleOutput(op: string, attributes: Attribute[], inputs: tf.Tensor[]): tf.Tensor;
}

/** Attributes of ops by name; `float` is the one that says float32. */
export function attributesOf({ binding }: TensorflowBackend) {
  return {
    float: (name: string): Attribute => ({ name, type: binding.TF_ATTR_TYPE, value: binding.TF_FLOAT }),
    text: (name: string, value: string): Attribute => ({ name, type: binding.TF_ATTR_STRING, value }),
    bool: (name: string, value: boolean): Attribute => ({ name, type: binding.TF_ATTR_BOOL, value }),
    ints: (name: string, value: readonly number[]): Attribute => ({ name, type: binding.TF_ATTR_INT, value }),
  };
}
