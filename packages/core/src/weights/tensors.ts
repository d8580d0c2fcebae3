/** Safetensors files as tensors. */
import * as tf from '@tensorflow/tfjs-core';
import { formatValue } from '../checks';
import { DTypeError, ValueError } from '../errors';
import { tidyAsync } from '../memory';
import type { WeightArray } from './dtypes';
import {
  decodeSafetensors,
  encodeSafetensors,
  type Safetensors,
  type SafetensorsEntry,
  type SafetensorsInput,
  toTypedArray,
} from './safetensors';

/** How tensors are written. */
export interface SaveSafetensorsOptions {
  readonly metadata?: Readonly<Record<string, string>>;
  /** How float32 tensors are stored; F16 and BF16 round to nearest even. Default 'F32'. */
  readonly floatDType?: 'F32' | 'F16' | 'BF16';
}

/**
 * The bytes of a safetensors file with these tensors: float32 as F32 (or rounded), int32 as I32, bool as BOOL,
 * each with its shape.
 *
 * The values are those at the time of the call, even if variables are assigned while the backend reads them out.
 * @throws DTypeError for complex64 and string tensors.
 */
export async function saveSafetensors(
  tensors: Readonly<Record<string, tf.Tensor>>,
  options: SaveSafetensorsOptions = {},
): Promise<Uint8Array<ArrayBuffer>> {
  const { metadata, floatDType = 'F32' } = options;
  const inputs = await readTensors('saveSafetensors', Object.entries(tensors), floatDType);
  return encodeSafetensors(inputs, { metadata });
}

/** The values of tensors on the host, all requested at once; clones keep what the tensors hold now. */
export function readTensors(
  functionName: string,
  tensors: readonly (readonly [string, tf.Tensor])[],
  floatDType: 'F32' | 'F16' | 'BF16' = 'F32',
): Promise<Map<string, SafetensorsInput>> {
  for (const [name, { dtype }] of tensors) {
    if (dtype === 'float32' || dtype === 'int32' || dtype === 'bool') continue;
    throw new DTypeError(`${functionName}: '${name}' must be float32, int32 or bool, got ${dtype}.`);
  }
  return tidyAsync(async (own) => {
    const snapshots = tensors.map(([name, tensor]) => [name, own(tf.clone(tensor))] as const);
    const read = snapshots.map(async ([name, tensor]): Promise<[string, SafetensorsInput]> => {
      const data = await tensor.data();
      const { shape, dtype } = tensor;
      if (dtype === 'float32') return [name, { shape, data, dtype: floatDType }];
      return dtype === 'int32'
        ? [name, { shape, data, dtype: 'I32' }]
        : [name, { shape, data: Uint8Array.from(data), dtype: 'BOOL' }];
    });
    return new Map(await Promise.all(read));
  });
}

/**
 * The tensors of a safetensors file, by name. The caller disposes them (`tf.dispose(tensors)`).
 *
 * F32, F64, F16, BF16 and F8 become float32 (F64 is rounded); I64, U64 and U32 become int32 if all values fit, as I32
 * and the smaller integers do; BOOL becomes bool.
 *
 * @param file the bytes, or what `decodeSafetensors` gave.
 * @param names the tensors wanted. Default: all.
 * @throws FormatError if the file is malformed; ValueError if an integer does not fit int32, or a name is not in the
 * file; DTypeError for dtypes that tfjs cannot hold. Nothing leaks.
 */
export function loadSafetensors(
  file: Uint8Array | ArrayBuffer | Safetensors,
  names?: readonly string[],
): tf.NamedTensorMap {
  const { tensors } = 'tensors' in file ? file : decodeSafetensors(file);
  const values = [...(names ?? tensors.keys())].map((name) => {
    const entry = tensors.get(name);
    if (!entry) throw new ValueError(`loadSafetensors: names must be in the file, got '${name}'.`);
    return [name, entry.shape, ...tensorValues('loadSafetensors', name, entry)] as const;
  });
  const loaded: tf.NamedTensorMap = Object.create(null);
  for (const [name, shape, data, dtype] of values) loaded[name] = tf.tensor(data, [...shape], dtype);
  return loaded;
}

/** A tensor's values on the host in the dtype that tfjs has for them. Always a copy: tfjs may keep what it is given. */
export function tensorValues(
  functionName: string,
  name: string,
  entry: SafetensorsEntry,
): [Float32Array | Int32Array | Uint8Array, 'float32' | 'int32' | 'bool'] {
  const { dtype } = entry;
  const array: WeightArray | undefined = toTypedArray(entry);
  if (array instanceof Float32Array || array instanceof Float64Array) {
    return [Float32Array.from(array), 'float32'];
  }
  if (dtype === 'BOOL') return [Uint8Array.from(array as Uint8Array, (value) => (value ? 1 : 0)), 'bool'];
  const out = new Int32Array(array.length);
  for (let i = 0; i < array.length; i++) {
    const value = array[i] as number | bigint;
    out[i] = Number(value);
    if (out[i] !== Number(value)) {
      throw new ValueError(
        `${functionName}: '${name}' of ${dtype} must hold values in [-2^31, 2^31), got ${formatValue(value)}. ` +
          'Read it with toTypedArray.',
      );
    }
  }
  return [out, 'int32'];
}
