import { packageConfig } from '../../tsup.base';
import { slimGradients } from './scripts/slim-gradients';

export default packageConfig({
  entries: { 'backends/installed.browser': 'src/backends/installed.browser.ts' },
  esbuildPlugins: [slimGradients],
  noExternal: [/^@tensorflow\/tfjs-core\/dist\/register_all_gradients/],
});
