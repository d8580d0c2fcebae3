/**
 * What core changes in tfjs' registries, remembered beside tfjs' own globals so that every copy of core in the process
 * sees it: two versions, or the ESM and the CJS build of one. The newest version's patch is in force, the same version
 * does nothing, and a newer one first undoes the older.
 */
import * as tf from '@tensorflow/tfjs-core';
import { version } from '../package.json';

/** A change of tfjs' registries that can be undone and can tell whether something has since overwritten it. */
export interface Patch {
  readonly undo: () => void;
  readonly inForce: () => boolean;
}

interface AppliedPatch extends Patch {
  readonly version: string;
}

/**
 * Applies a patch unless this or a newer version of core has applied it already and it is still in force (importing
 * the union package `@tensorflow/tfjs` afterwards, for one, registers tfjs' own gradients again).
 */
export function applyPatch(name: string, apply: () => Patch, ownVersion: string = version): void {
  const applied = appliedPatches();
  const existing = applied.get(name);
  if (existing?.inForce() && compareVersions(existing.version, ownVersion) >= 0) return;
  if (existing?.inForce()) existing.undo();
  applied.set(name, { version: ownVersion, ...apply() });
}

/** Undoes a patch, if it is still in force, and forgets it. */
export function removePatch(name: string): void {
  const applied = appliedPatches();
  const patch = applied.get(name);
  if (patch?.inForce()) patch.undo();
  applied.delete(name);
}

/** Registers gradients in place of what is there. */
export function replaceGradients(gradients: readonly tf.GradConfig[]): Patch {
  const previous = gradients.map(({ kernelName }) => [kernelName, tf.getGradient(kernelName)] as const);
  for (const gradient of gradients) registerGradient(gradient);
  return {
    inForce: () => gradients.every((gradient) => tf.getGradient(gradient.kernelName) === gradient),
    undo: () => {
      for (const [kernelName, gradient] of previous) {
        if (gradient) registerGradient(gradient);
        else tf.unregisterGradient(kernelName);
      }
    },
  };
}

/** Without tfjs' warning that the name is taken. */
function registerGradient(gradient: tf.GradConfig): void {
  if (tf.getGradient(gradient.kernelName)) tf.unregisterGradient(gradient.kernelName);
  tf.registerGradient(gradient);
}

/** Registers kernels in place of what is there. */
export function replaceKernels(kernels: readonly tf.KernelConfig[]): Patch {
  const previous = kernels.map(
    ({ kernelName, backendName }) =>
      [kernelName, backendName, tf.getKernel(kernelName, backendName)] as const,
  );
  for (const kernel of kernels) registerKernel(kernel);
  return {
    inForce: () => kernels.every((kernel) => tf.getKernel(kernel.kernelName, kernel.backendName) === kernel),
    undo: () => {
      for (const [kernelName, backendName, kernel] of previous) {
        if (kernel) registerKernel(kernel);
        else tf.unregisterKernel(kernelName, backendName);
      }
    },
  };
}

function registerKernel(kernel: tf.KernelConfig): void {
  if (tf.getKernel(kernel.kernelName, kernel.backendName)) {
    tf.unregisterKernel(kernel.kernelName, kernel.backendName);
  }
  tf.registerKernel(kernel);
}

/** The engine is the one object that all copies of tfjs-core share, so it carries the record. */
function appliedPatches(): Map<string, AppliedPatch> {
  const engine = tf.engine() as unknown as { tfkitPatches?: Map<string, AppliedPatch> };
  engine.tfkitPatches ??= new Map();
  return engine.tfkitPatches;
}

/** Orders versions by major, minor, patch; a prerelease comes before its release. */
export function compareVersions(a: string, b: string): number {
  const parse = (text: string) => {
    const [numbers, prerelease] = text.split('-', 2) as [string, string?];
    return { numbers: numbers.split('.').map(Number), release: prerelease === undefined ? 1 : 0 };
  };
  const [x, y] = [parse(a), parse(b)];
  for (let i = 0; i < 3; i++) {
    const difference = (x.numbers[i] ?? 0) - (y.numbers[i] ?? 0);
    if (difference !== 0) return Math.sign(difference);
  }
  return x.release - y.release;
}
