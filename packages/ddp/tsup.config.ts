import { defineConfig } from 'tsup';
import { packageConfig } from '../../tsup.base';
import { wasmKernels } from '../core/scripts/wasm-kernels';

const library = packageConfig({
  entry: {
    index: 'src/index.ts',
    'tfjs/index': 'src/tfjs/index.ts',
    'layers/index': 'src/layers/index.ts',
    'kernels/wasm-module': 'src/kernels/wasm-module.ts',
  },
  platform: 'node',
  shims: true,
  removeNodeProtocol: false,
  esbuildPlugins: [wasmKernels],
});

/** Modules that run by themselves, as a program or a thread: ESM alone, without typings. */
const programs = packageConfig({
  entry: {
    'cli/bin': 'src/cli/bin.ts',
    'cli/host': 'src/cli/host.ts',
    'worker/rank': 'src/worker/rank.ts',
    'worker/comm': 'src/worker/comm.ts',
    'worker/mpi': 'src/worker/mpi.ts',
    browser: 'src/browser.ts',
  },
  format: ['esm'],
  platform: 'node',
  removeNodeProtocol: false,
  dts: false,
  clean: false,
});

export default defineConfig([library, programs].flat() as Parameters<typeof defineConfig>[0]);
