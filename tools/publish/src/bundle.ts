/** The three bundlers, each set up as its own documentation begins: one entry, one folder of output. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { build as esbuild } from 'esbuild';
import { build as vite } from 'vite';
import webpack from 'webpack';

export const bundlers = ['esbuild', 'vite', 'webpack'] as const;
export type Bundler = (typeof bundlers)[number];

/** Where the bundle runs; a package of Node alone is bundled for Node. */
export type Target = 'browser' | 'node';

/** Bundles a TypeScript program without its extension, `entry`, and gives the path of the bundle. */
export async function bundle(
  bundler: Bundler,
  entry: string,
  outDir: string,
  target: Target,
): Promise<string> {
  const file = join(outDir, 'main.mjs');
  if (bundler === 'esbuild') {
    await esbuild({
      entryPoints: [`${entry}.ts`],
      bundle: true,
      format: 'esm',
      platform: target === 'node' ? 'node' : 'browser',
      // A bundle for Node leaves Node's packages where they are.
      packages: target === 'node' ? 'external' : 'bundle',
      outfile: file,
      logLevel: 'error',
    });
  } else if (bundler === 'vite') {
    await vite({
      configFile: false,
      root: join(entry, '..'),
      base: './',
      logLevel: 'error',
      build: {
        outDir,
        minify: false,
        target: 'es2022',
        ssr: target === 'node',
        rollupOptions: { input: `${entry}.ts`, output: { entryFileNames: 'main.mjs', format: 'es' } },
      },
    });
  } else {
    await runWebpack(entry, outDir, target);
  }
  writeFileSync(join(outDir, 'package.json'), '{ "type": "module" }\n');
  return file;
}

function runWebpack(entry: string, path: string, target: Target): Promise<void> {
  // webpack reads JavaScript: the bundle is made of what TypeScript emitted for Node's ESM, by its own resolution.
  const compiler = webpack({
    mode: 'development',
    devtool: false,
    context: join(entry, '..'),
    entry: `${entry.replace('/bundler/', '/esm/')}.mjs`,
    target: target === 'node' ? 'node20' : ['web', 'es2022'],
    output: { path, filename: 'main.mjs', module: true, chunkFormat: 'module' },
    experiments: { outputModule: true },
    ...(target === 'node' ? { externals: /^[@a-z]/, externalsType: 'module' } : {}),
  });
  return new Promise((resolve, reject) => {
    compiler.run((error, stats) => {
      compiler.close(() => {
        if (error) reject(error);
        else if (stats?.hasErrors()) reject(new Error(stats.toString({ all: false, errors: true })));
        else resolve();
      });
    });
  });
}
