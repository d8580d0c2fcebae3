/** A package of many exported functions, as large as a real one: 1,000 symbols in 50 files unless told otherwise. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export function writePackage(folder: string, files: number, perFile: number): void {
  mkdirSync(join(folder, 'src'), { recursive: true });
  const write = (path: string, value: string | object) =>
    writeFileSync(join(folder, path), typeof value === 'string' ? value : JSON.stringify(value, null, 2));
  write('package.json', {
    name: 'synthetic',
    version: '1.0.0',
    type: 'module',
    types: './dist/index.d.ts',
    exports: { '.': { types: './dist/index.d.ts', default: './dist/index.js' } },
  });
  write('tsconfig.json', {
    compilerOptions: {
      target: 'ES2022',
      module: 'ESNext',
      moduleResolution: 'bundler',
      strict: true,
      declaration: true,
      outDir: 'dist',
      rootDir: 'src',
      skipLibCheck: true,
      types: [],
    },
    include: ['src'],
  });
  const entries: string[] = [];
  for (let file = 0; file < files; file++) {
    const lines = [
      "import { tfExport } from '@tfkit/tf-export-decorator';",
      `export interface Options${file} { axis?: number; mode?: 'same' | 'valid'; scale?: number }`,
    ];
    for (let item = 0; item < perFile; item++) {
      const name = `op_${file}_${item}`;
      lines.push(
        `function ${name}_(x: Float32Array, options?: Options${file}): Float32Array;`,
        `function ${name}_(x: number, options?: Options${file}): number;`,
        `function ${name}_(x: Float32Array | number, { axis = ${item}, mode = 'same' }: Options${file} = {}): Float32Array | number { return axis > 0 && mode === 'same' ? x : x; }`,
        `export const ${name} = /* @__PURE__ */ tfExport('space${file % 10}.${name}')(${name}_);`,
      );
    }
    write(`src/file${file}.ts`, `${lines.join('\n')}\n`);
    entries.push(`export * from './file${file}.js';`);
  }
  write('src/index.ts', `${entries.join('\n')}\n`);
}
