import { packageConfig } from '../../tsup.base';
import { slimGradients } from './scripts/slim-gradients';
import { wasmKernels } from './scripts/wasm-kernels';

export default packageConfig({
  entries: { 'backends/installed.browser': 'src/backends/installed.browser.ts' },
  esbuildPlugins: [slimGradients, wasmKernels],
  noExternal: [/^@tensorflow\/tfjs-core\/dist\/register_all_gradients/],
});
