/** `@tfkit/core/weights`: safetensors on bytes and typed arrays, without TensorFlow.js. */
export type { ArrayOf, WeightArray, WeightDType } from './dtypes';
export {
  decodeSafetensors,
  type EncodeSafetensorsOptions,
  encodeSafetensors,
  type Safetensors,
  type SafetensorsEntry,
  type SafetensorsInput,
  type SafetensorsInputs,
  toTypedArray,
} from './safetensors';
