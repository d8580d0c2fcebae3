import { packageConfig } from '../../tsup.base';
import { wasmKernels } from '../core/scripts/wasm-kernels';

export default packageConfig({ esbuildPlugins: [wasmKernels] });
