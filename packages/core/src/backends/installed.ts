/**
 * The backends that Node can find in node_modules, best first. The specifiers are variables, so that no bundler or
 * typechecker needs the packages; under the `browser` condition `installed.browser.ts` stands in for this file.
 */
import { repairNodeUtil } from '../repair-node-util';
import {
  type BackendLoader,
  cpuLoader,
  tensorflowGpuLoader,
  tensorflowLoader,
  wasmLoader,
  webgpuLoader,
} from './loader';

const importVariable = (specifier: string): Promise<unknown> => import(/* @vite-ignore */ specifier);

async function importTensorFlow(specifier: string): Promise<unknown> {
  await repairNodeUtil();
  return importVariable(specifier);
}

/** Dawn, from the npm package `webgpu`, on `navigator.gpu`. */
async function installDawn(): Promise<void> {
  const dawn = (await importVariable('webgpu')) as { create(flags: string[]): GPU; globals: object };
  Object.assign(globalThis, dawn.globals);
  const navigator = (globalThis.navigator ?? {}) as Navigator;
  Object.defineProperty(navigator, 'gpu', { value: dawn.create([]), configurable: true });
  if (!globalThis.navigator) {
    Object.defineProperty(globalThis, 'navigator', { value: navigator, configurable: true });
  }
}

/**
 * Loaders of the backends that this runtime may have installed, best first: in Node all that can be imported, in a
 * browser none.
 */
export const installedBackends: readonly BackendLoader[] = [
  tensorflowGpuLoader(() => importTensorFlow('@tensorflow/tfjs-node-gpu')),
  tensorflowLoader(() => importTensorFlow('@tensorflow/tfjs-node')),
  webgpuLoader(() => importVariable('@tensorflow/tfjs-backend-webgpu'), installDawn),
  wasmLoader(() => importVariable('@tensorflow/tfjs-backend-wasm')),
  cpuLoader(() => importVariable('@tensorflow/tfjs-backend-cpu')),
];
