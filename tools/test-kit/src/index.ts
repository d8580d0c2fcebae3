export {
  describeBackends,
  type MatrixOptions,
  type ProvidedBackend,
  type TestBackend,
  throwWebGPUErrors,
  useBackend,
} from './backends';
export {
  type ArrayInput,
  autodiffJacobian,
  expectGradient,
  expectJacobian,
  type GradientCheck,
  numericalVjp,
  type Reference,
} from './derivatives';
export { compareAllclose, type Numbers, type Tolerance } from './matchers';
export { expectNoLeak, seededNormal, seededTensor, seededUniform, type Values, valuesOf } from './values';
