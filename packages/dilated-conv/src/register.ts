/**
 * `import '@tfkit/dilated-conv/register'`: existing tfjs code with dilated convolutions trains, on every backend. May be
 * imported before or after tfjs-layers and the backends. Does what `@tfkit/core/register` does as well.
 */
import '@tfkit/core/register';
import { applyPatch, removePatch, replaceGradients } from '@tfkit/core/patches';
import { version } from '../package.json';
import { conv3dGradient } from './register/conv3d';
import { repairFusedGradients } from './register/fused';
import { repairLayers } from './register/layers';

const patches = {
  'dilated-conv/conv3d': () => replaceGradients([conv3dGradient]),
  'dilated-conv/fused': repairFusedGradients,
  'dilated-conv/layers': repairLayers,
};

/**
 * Repairs tfjs in place: the gradients of `conv3d` and of the fused convolutions (those of `conv1d`, `conv2d`,
 * `depthwiseConv2d` and `separableConv2d` are core's), and of tf.layers' convolutions 'causal' padding, stride with
 * dilation, and the dilation of DepthwiseConv2D. Importing this module calls it. Idempotent.
 */
export function register(): void {
  for (const [name, patch] of Object.entries(patches)) applyPatch(name, patch, version);
}

/** Takes back what `register` changed; what core registered (gradients, kernels) stays. */
export function unregister(): void {
  for (const name of Object.keys(patches).reverse()) removePatch(name);
}

register();
