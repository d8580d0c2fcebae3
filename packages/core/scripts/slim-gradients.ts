/**
 * Bundles tfjs' gradient table without a second copy of tfjs: what the gradients import from inside tfjs-core is
 * taken from the public exports of `@tensorflow/tfjs-core` wherever it is public; the few internals that are not
 * (32 files) are bundled. 160 kB become 79.
 */
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import * as tf from '@tensorflow/tfjs-core';
import type { Options } from 'tsup';

type Plugin = NonNullable<Options['esbuildPlugins']>[number];

const isPublic = (name: string) => name in tf;
const importStatement = /import\s*(\{[^}]*\}|\*\s*as\s+\w+)\s*from\s*'(\.[^']*)';/g;

export const slimGradients: Plugin = {
  name: 'slim-gradients',
  setup(build) {
    build.onResolve(
      { filter: /^@tensorflow\/tfjs-core\/dist\/register_all_gradients$/ },
      ({ path, resolveDir }) => ({
        path: createRequire(`${resolveDir}/from.cjs`).resolve(`${path}.js`),
      }),
    );
    build.onLoad({ filter: /tfjs-core[\\/]dist[\\/].*\.js$/ }, async ({ path }) => {
      const source = (await readFile(path, 'utf8')).replace(/\/\/# sourceMappingURL=.*/g, '');
      return { contents: source.replace(importStatement, redirect), loader: 'js' };
    });
  },
};

/** `import {a, b} from '../ops/x'` becomes an import from the public entry for the names that are public. */
function redirect(statement: string, clause: string, from: string): string {
  if (clause.startsWith('*')) {
    const namespace = clause.replace(/\*\s*as\s+/, '');
    return isPublic(namespace) ? `import { ${namespace} } from '@tensorflow/tfjs-core';` : statement;
  }
  const names = clause
    .slice(1, -1)
    .split(',')
    .map((name) => name.trim())
    .filter(Boolean);
  const imported = (name: string) => name.split(/\s+as\s+/)[0] as string;
  const open = names.filter((name) => isPublic(imported(name)));
  const inner = names.filter((name) => !isPublic(imported(name)));
  if (names.join() === 'ENGINE') {
    return "import { engine } from '@tensorflow/tfjs-core'; const ENGINE = engine();";
  }
  return [
    open.length ? `import { ${open.join(', ')} } from '@tensorflow/tfjs-core';` : '',
    inner.length ? `import { ${inner.join(', ')} } from '${from}';` : '',
  ].join(' ');
}
