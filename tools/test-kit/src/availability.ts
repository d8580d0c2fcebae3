/**
 * Which backends the tests can run on here, found without loading any of them, and the command that brings each absent
 * one. Used by vitest.config.ts (which projects, which backends), by the reporter (what was not tested) and by tools.
 */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const repositoryRoot = fileURLToPath(new URL('../../..', import.meta.url)).replace(/[/\\]$/, '');

/** Where `npm run setup:backends` puts what is too large, or too native, to be a devDependency. */
export const cacheFolder = process.env.TFKIT_CACHE ?? join(repositoryRoot, '.cache');

/** What `TFKIT_REQUIRE_BACKENDS` may name; `browser` stands for webgl and webgpu in Chromium. */
export const testTargets = ['cpu', 'wasm', 'tensorflow', 'webgpu', 'browser', 'openmpi', 'mpich'] as const;
export type TestTarget = (typeof testTargets)[number];

export interface Availability {
  readonly target: TestTarget;
  readonly available: boolean;
  /** Where it was found, or why it is absent. */
  readonly detail: string;
  /** The command that brings it. */
  readonly install: string;
}

export function findTestTargets(): Availability[] {
  const tensorflow = tfjsNodeAnchor();
  const chromium = findChromium();
  return [
    { target: 'cpu', available: true, detail: '@tensorflow/tfjs-backend-cpu', install: 'npm ci' },
    { target: 'wasm', available: true, detail: '@tensorflow/tfjs-backend-wasm', install: 'npm ci' },
    {
      target: 'tensorflow',
      available: tensorflow !== undefined,
      detail: tensorflow ?? '@tensorflow/tfjs-node is not built',
      install: 'npm run setup:backends -- tensorflow',
    },
    webgpuAvailability(),
    {
      target: 'browser',
      available: chromium !== undefined,
      detail: chromium ?? 'no Chromium found (CHROMIUM, chromium, google-chrome)',
      install: 'npm run setup:backends -- chromium',
    },
    ...(['openmpi', 'mpich'] as const).map((target) => {
      const launcher = mpiLauncher(target);
      return {
        target,
        available: launcher !== undefined,
        detail: launcher?.command.join(' ') ?? 'its launcher is not found',
        install: `npm run setup:backends -- ${target}`,
      };
    }),
  ];
}

export interface MpiLauncher {
  /** Starts a job: to be followed by `-n`, a number and a program. More ranks than cores are allowed. */
  readonly command: readonly string[];
  /** What the launcher and its ranks need in their environment. */
  readonly env: Readonly<Record<string, string>>;
}

/** How jobs of Open MPI or MPICH are started here, if they can be. */
export function mpiLauncher(engine: 'openmpi' | 'mpich'): MpiLauncher | undefined {
  if (engine === 'openmpi') {
    if (!/Open MPI/.test(firstLine('mpirun'))) return undefined;
    const asRoot = process.getuid?.() === 0 ? ['--allow-run-as-root'] : [];
    return { command: ['mpirun', ...asRoot, '--oversubscribe', '--bind-to', 'none'], env: {} };
  }
  const folder = join(cacheFolder, 'mpich', 'root', 'usr');
  const launcher = join(folder, 'bin', 'mpiexec.hydra');
  if (!existsSync(launcher)) return undefined;
  const libraries = join(folder, 'lib', process.arch === 'arm64' ? 'aarch64-linux-gnu' : 'x86_64-linux-gnu');
  return {
    command: [launcher, '-bootstrap', 'fork'],
    env: { LD_LIBRARY_PATH: [libraries, join(libraries, 'slurm-wlm')].join(':') },
  };
}

function firstLine(command: string): string {
  return spawnSync(command, ['--version'], { encoding: 'utf8' }).stdout?.split('\n')[0] ?? '';
}

/** The targets that `TFKIT_REQUIRE_BACKENDS` makes mandatory; throws on a name that is no target. */
export function requiredTargets(value = process.env.TFKIT_REQUIRE_BACKENDS ?? ''): TestTarget[] {
  const names = value
    .split(',')
    .map((name) => name.trim())
    .filter(Boolean);
  for (const name of names) {
    if (!(testTargets as readonly string[]).includes(name)) {
      throw new Error(`TFKIT_REQUIRE_BACKENDS must list ${testTargets.join(', ')}, got '${name}'.`);
    }
  }
  return names as TestTarget[];
}

/** A file from which `createRequire` resolves a working `@tensorflow/tfjs-node`, if there is one. */
export function tfjsNodeAnchor(): string | undefined {
  const cached = join(cacheFolder, 'tfjs-node');
  if (existsSync(join(cached, '.ok'))) return join(cached, 'anchor.cjs');
  try {
    const anchor = join(repositoryRoot, 'anchor.cjs');
    createRequire(anchor).resolve('@tensorflow/tfjs-node');
    return anchor;
  } catch {
    return undefined;
  }
}

/** The versions of Node that the packages are tried on beside the one that runs, as `setup:backends` brings them. */
export const otherNodes = [22, 24, 26] as const;

/** The Node that runs, and those in the cache folder; `path` is absent where there is none. */
export function findNodes(): { major: number; path: string | undefined; install: string }[] {
  const own = Number(process.versions.node.split('.')[0]);
  const others = otherNodes.filter((major) => major !== own);
  return [
    { major: own, path: process.execPath, install: '' },
    ...others.map((major) => {
      const modules = join(cacheFolder, `node-${major}`, 'node_modules');
      const path = join(modules, `node-${process.platform}-${process.arch}`, 'bin', 'node');
      const install = `npm run setup:backends -- node-${major}`;
      return { major, path: existsSync(path) ? path : undefined, install };
    }),
  ];
}

/** The folder of the npm package `webgpu` (Dawn for Node), if it was installed. */
export function webgpuModuleFolder(): string | undefined {
  const folder = join(cacheFolder, 'webgpu', 'node_modules', 'webgpu');
  return existsSync(folder) ? folder : undefined;
}

/** The Vulkan driver in software that Chromium ships, for WebGPU in Node without a GPU. */
export function swiftShaderDriver(): string | undefined {
  if (process.env.VK_ICD_FILENAMES) return process.env.VK_ICD_FILENAMES;
  const folders = [
    '/usr/lib/chromium',
    '/usr/lib/chromium-browser',
    '/opt/google/chrome',
    '/usr/lib64/chromium',
  ];
  const chromium = findChromium();
  if (chromium) folders.unshift(dirname(chromium));
  return folders.map((folder) => join(folder, 'vk_swiftshader_icd.json')).find((file) => existsSync(file));
}

export function findChromium(): string | undefined {
  if (process.env.CHROMIUM) return existsSync(process.env.CHROMIUM) ? process.env.CHROMIUM : undefined;
  const folders = (process.env.PATH ?? '').split(delimiter);
  for (const name of ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable']) {
    for (const folder of folders) {
      if (existsSync(join(folder, name))) return join(folder, name);
    }
  }
  return undefined;
}

/** Chromium for tests: no services of its own, and WebGPU and WebGL in software. */
export const chromiumArguments = [
  '--no-sandbox',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--enable-unsafe-webgpu',
  '--use-webgpu-adapter=swiftshader',
  '--enable-features=Vulkan',
  '--use-gl=angle',
  '--use-angle=swiftshader',
  '--enable-unsafe-swiftshader',
  '--ignore-gpu-blocklist',
];

function webgpuAvailability(): Availability {
  const module = webgpuModuleFolder();
  const driver = swiftShaderDriver();
  const missing = [
    module ? '' : 'the npm package webgpu',
    driver ? '' : "Chromium's SwiftShader Vulkan driver (vk_swiftshader_icd.json)",
  ].filter(Boolean);
  return {
    target: 'webgpu',
    available: missing.length === 0,
    detail: missing.length === 0 ? (driver as string) : `absent: ${missing.join(' and ')}`,
    install: 'npm run setup:backends -- chromium webgpu',
  };
}
