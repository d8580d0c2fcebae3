/**
 * The part of core that needs no TensorFlow.js: errors, checks, shapes, random numbers and the interface of a process
 * group.
 * What works on tensors and backends is in `@tfkit/core/tfjs`.
 */
export {
  checkDType,
  checkInteger,
  checkKnownOptions,
  checkNumber,
  checkOneOf,
  checkRank,
  checkSameShape,
  checkShape,
  formatValue,
  type Place,
  type Range,
  type Shaped,
} from './checks';
export {
  type Collective,
  type CollectiveArray,
  type ReduceOp,
  type SyncCollective,
  soloCollective,
} from './collective';
export {
  BackendError,
  DTypeError,
  FormatError,
  isTfkitError,
  OptionError,
  ShapeError,
  type TfkitErrorName,
  ValueError,
} from './errors';
export {
  bernoulli,
  bits,
  foldIn,
  type Key,
  key,
  normal,
  permutation,
  randint,
  type ShapeOrCount,
  split,
  type UniformOptions,
  uniform,
} from './random';
export { formatShape, sameShape, sizeOf, stridesOf } from './shape';
