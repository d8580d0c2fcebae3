/** For those who come from Python: scheduler_config.json, the community's names of samplers, and torch's noise. */
export { alignYourSteps, vpSigmas, vpTimes } from '../grids/published';
export { torchNoise, torchRandn } from '../torchRandn';
export type { DiffusersCall, DiffusersConfig } from './config';
export { communityNames, samplerByName } from './names';
export { type DiffusersOptions, diffusersClasses, fromDiffusersConfig } from './read';
export { toDiffusersConfig } from './write';
