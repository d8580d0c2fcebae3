/** `stripExports()` for esbuild and tsup. */
import { readFile } from 'node:fs/promises';
import { extname } from 'node:path';
import { type StripOptions, strip } from './strip';

export type { StripOptions };

/** The part of esbuild's plugin interface that is used, so that no version of it is asked for. */
export interface EsbuildPlugin {
  readonly name: string;
  setup(build: {
    onLoad(
      options: { filter: RegExp },
      callback: (args: {
        path: string;
      }) => Promise<{ contents: string; loader: 'js' | 'jsx' | 'ts' | 'tsx' } | undefined>,
    ): void;
  }): void;
}

/**
 * A plugin that removes `@tfExport(...)` decorators and `tfExport(...)(...)` calls, so that unused classes and
 * functions are dropped. The run-time registry stays empty in such a build.
 *
 * @example
 * // tsup.config.ts
 * import { stripExports } from '@tfkit/tf-export-decorator/esbuild';
 * export default { entry: ['src/index.ts'], esbuildPlugins: [stripExports()] };
 */
export function stripExports(options: StripOptions = {}): EsbuildPlugin {
  return {
    name: 'tf-export-strip',
    setup(build) {
      build.onLoad({ filter: /\.[cm]?[jt]sx?$/ }, async ({ path }) => {
        const contents = strip(path, await readFile(path, 'utf8'), options);
        if (contents === undefined) return undefined;
        const loader = extname(path).replace(/^\.[cm]?/, '') as 'js' | 'jsx' | 'ts' | 'tsx';
        return { contents, loader };
      });
    },
  };
}
