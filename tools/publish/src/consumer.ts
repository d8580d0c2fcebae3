/**
 * A user's project in a folder outside of the repository: npm installs into it what a job imports, TypeScript checks and
 * compiles the job as ESM and as CJS, bundlers bundle it. The job's file is the same for all.
 */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { run } from './processes';
import { type Manifest, readJson, root } from './workspace';

const jobs = join(root, 'tools', 'publish', 'jobs');

/** The folder's jobs by the names of their files: `spp`, `seg-metrics.tfjs`, `all`. */
export function jobNames(): string[] {
  return readdirSync(jobs).map((file) => file.replace(/\.ts$/, ''));
}

/** The jobs of a package: its main job, and that of its tensors where the main one needs no TensorFlow.js. */
export function jobsOf(id: string): string[] {
  return jobNames().filter((name) => name === id || name.startsWith(`${id}.`));
}

/**
 * The npm packages that a job imports; a backend for TensorFlow.js if that is among them; and for typings that name what
 * Node has, as ddp's do, `@types/node`.
 */
export function needsOf(job: string): string[] {
  const text = readFileSync(join(jobs, `${job}.ts`), 'utf8');
  const specifiers = [...text.matchAll(/ from '([^']+)'/g)].map((match) => match[1]!);
  const names = new Set(
    specifiers.map((path) =>
      path
        .split('/')
        .slice(0, path[0] === '@' ? 2 : 1)
        .join('/'),
    ),
  );
  if (usesTensors(job)) names.add('@tensorflow/tfjs-backend-cpu');
  if (names.has('@tfkit/ddp')) names.add('@types/node');
  return [...names];
}

/** Whether the job needs TensorFlow.js, and with it a backend. */
export function usesTensors(job: string): boolean {
  return readFileSync(join(jobs, `${job}.ts`), 'utf8').includes("'@tensorflow/tfjs-core'");
}

/** Resolution as a program chooses it: by Node, in either format, or by a bundler. */
export type Kind = 'esm' | 'cjs' | 'bundler';
const extensions = { esm: ['.mts', '.mjs'], cjs: ['.cts', '.cjs'], bundler: ['.ts', ''] } as const;

export class Consumer {
  constructor(
    readonly folder: string,
    private readonly registryUrl: string,
  ) {
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, 'package.json'), '{ "private": true, "type": "module" }\n');
  }

  async install(names: readonly string[]): Promise<void> {
    const cache = join(this.folder, '..', 'npm-cache');
    const options = ['--no-audit', '--no-fund', '--ignore-scripts', '--prefer-offline', `--cache=${cache}`];
    await run('npm', ['install', ...options, `--registry=${this.registryUrl}`, ...names], {
      cwd: this.folder,
    });
  }

  /** What is in node_modules: every package by name, with its manifest. */
  installed(): Map<string, Manifest> {
    const { packages } = readJson<{ packages: Record<string, unknown> }>(
      join(this.folder, 'node_modules', '.package-lock.json'),
    );
    return new Map(
      Object.keys(packages).map((path) => {
        const manifest = readJson<Manifest>(join(this.folder, path, 'package.json'));
        return [manifest.name, manifest];
      }),
    );
  }

  /** Writes a job and the program that runs it and prints its result; gives the program's path, without extension. */
  write(job: string, kind: Kind): string {
    const [source, imported] = extensions[kind];
    const folder = join(this.folder, kind);
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, `${job}${source}`), readFileSync(join(jobs, `${job}.ts`), 'utf8'));
    const backend = usesTensors(job)
      ? `import '@tensorflow/tfjs-backend-cpu';
import { setBackend } from '@tensorflow/tfjs-core';
const ready: Promise<unknown> = setBackend('cpu');`
      : 'const ready: Promise<unknown> = Promise.resolve();';
    const main = `${backend}
import { job } from './${job}${imported}';
ready
  .then(() => job())
  .then((result: string) => console.log(result))
  .catch((error: unknown) => {
    setTimeout(() => {
      throw error;
    });
  });
`;
    const path = join(folder, `main-${job}`);
    writeFileSync(`${path}${source}`, main);
    return path;
  }

  /**
   * Type checks what was written, with the typings of the packages too: for Node, ESM and CJS at once, which emits
   * JavaScript beside it; or for a bundler, which reads TypeScript itself.
   */
  async compile(resolution: 'node16' | 'bundler'): Promise<void> {
    const bundler = resolution === 'bundler';
    const compilerOptions = {
      target: 'es2022',
      lib: ['es2023', 'dom', 'dom.iterable', 'dom.asynciterable'],
      module: bundler ? 'esnext' : 'node16',
      moduleResolution: resolution,
      strict: true,
      exactOptionalPropertyTypes: true,
      noEmit: bundler,
    };
    const config = join(this.folder, `tsconfig.${resolution}.json`);
    writeFileSync(
      config,
      JSON.stringify({ compilerOptions, include: bundler ? ['bundler'] : ['esm', 'cjs'] }),
    );
    await run(process.execPath, [join(root, 'node_modules', 'typescript', 'bin', 'tsc'), '-p', config], {
      cwd: this.folder,
    });
  }

  /** Runs a program of this consumer and gives the last line that it prints. */
  async execute(file: string, node = process.execPath, args: readonly string[] = []): Promise<string> {
    const output = await run(node, [file, ...args], {
      cwd: this.folder,
      env: { TF_CPP_MIN_LOG_LEVEL: '2' },
    });
    return output.trim().split('\n').at(-1)!;
  }
}
