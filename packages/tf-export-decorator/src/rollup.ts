/** `stripExports()` for rollup and vite. */
import { type StripOptions, strip } from './strip';

export type { StripOptions };

/** The part of rollup's plugin interface that is used, so that no version of it is asked for. */
export interface RollupPlugin {
  readonly name: string;
  readonly enforce: 'pre';
  transform(code: string, id: string): { code: string; map: null } | null;
}

/**
 * A plugin that removes `@tfExport(...)` decorators and `tfExport(...)(...)` calls, so that unused classes and
 * functions are dropped. Put it before the plugin that compiles TypeScript: what that makes of a decorator is no longer
 * recognised. The run-time registry stays empty in such a build.
 *
 * @example
 * // rollup.config.js
 * import { stripExports } from '@tfkit/tf-export-decorator/rollup';
 * export default { input: 'src/index.js', plugins: [stripExports()] };
 */
export function stripExports(options: StripOptions = {}): RollupPlugin {
  return {
    name: 'tf-export-strip',
    enforce: 'pre',
    transform(code, id) {
      const path = id.replace(/[?#].*$/, '');
      if (!/\.[cm]?[jt]sx?$/.test(path)) return null;
      const stripped = strip(path, code, options);
      return stripped === undefined ? null : { code: stripped, map: null };
    },
  };
}
