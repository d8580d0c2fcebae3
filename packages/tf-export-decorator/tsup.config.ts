import { packageConfig } from '../../tsup.base';

export default packageConfig({ entries: { 'cli/main': 'src/cli/main.ts' }, platform: 'node' });
