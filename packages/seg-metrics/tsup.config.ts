import { defineConfig } from 'tsup';
import { packageConfig } from '../../tsup.base';

/** The command line is ESM alone, without typings; its modules stay out of the library's entries. */
const cli = packageConfig({
  entry: { 'cli/bin': 'src/cli/bin.ts', 'cli/worker': 'src/cli/worker.ts' },
  format: ['esm'],
  platform: 'node',
  dts: false,
  clean: false,
});

export default defineConfig([packageConfig(), cli].flat() as Parameters<typeof defineConfig>[0]);
