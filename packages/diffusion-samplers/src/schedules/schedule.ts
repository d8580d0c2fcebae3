/** What a noise schedule is to grids and solvers. */

export interface Schedule {
  readonly name: string;
  readonly options: object;
  /**
   * alpha and sigma at a listed sigma. Listed sigmas are what the schedule's users call sigma: sigma / alpha for vp and
   * sub-vp, sigma itself for ve and edm, the time in [0, 1] for flow, the angle for trigFlow.
   */
  level(sigma: number): { readonly alpha: number; readonly sigma: number };
  /** What the model is told at a listed sigma. */
  timestep(sigma: number): number;
  /** The listed sigma at a timestep. */
  sigma(timestep: number): number;
  /** The listed sigma where sigma / alpha is `ratio`. */
  sigmaOfRatio(ratio: number): number;
  /** The ends of the listed sigmas. */
  readonly sigmaMin: number;
  readonly sigmaMax: number;
  /** Number of training timesteps T, for schedules that have them. */
  readonly trainSteps?: number;
  /** cumprod(1 - beta), of discrete vp schedules. */
  readonly alphasCumprod?: Float64Array;
}
