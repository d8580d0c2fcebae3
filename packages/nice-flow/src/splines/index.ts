/** Rational-quadratic splines: as a function, as coupling layers, elementwise, and as a flow in a line. */
export { periodic } from './periodic';
export {
  elementwiseSpline,
  type RationalQuadraticOptions,
  rationalQuadratic,
  rationalQuadraticSpline,
  splineCoupling,
} from './rationalQuadratic';
export type { SplineTails } from './spec';
export { type SplineFlowOptions, splineFlow } from './splineFlow';
