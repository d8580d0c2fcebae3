import { fileURLToPath } from 'node:url';
import type { ProvidedBackend } from '@tfkit/test-kit';
import { playwright } from '@vitest/browser-playwright';
import type { TestProjectConfiguration } from 'vitest/config';
import {
  chromiumArguments,
  findChromium,
  findTestTargets,
  swiftShaderDriver,
} from './tools/test-kit/src/availability';

const folder = (path: string) => fileURLToPath(new URL(path, import.meta.url));
const targets = findTestTargets();

function provide(
  names: readonly ProvidedBackend['name'][],
  target = (name: string) => name,
): ProvidedBackend[] {
  return names.map((name) => {
    const found = targets.find((candidate) => candidate.target === target(name));
    return { name, available: found?.available ?? false, install: found?.install ?? '' };
  });
}

/** `@tfkit/x/y` means the source `packages/x/src/y.ts`, so that tests need no build and see every module. */
const alias = [
  { find: /^@tfkit\/test-kit$/, replacement: folder('tools/test-kit/src/index.ts') },
  { find: /^@tfkit\/test-kit\/(.+)$/, replacement: folder('tools/test-kit/src/$1.ts') },
  // tfjs' own gradients cannot be imported from source in Node; the build bundles them.
  {
    find: /^@tfkit\/core\/gradients\/table$/,
    replacement: folder('packages/core/dist/gradients/table.js'),
  },
  // The wasm kernels are compiled by the build.
  {
    find: /^@tfkit\/([^/]+)\/kernels\/wasm-module$/,
    replacement: folder('packages/$1/dist/kernels/wasm-module.js'),
  },
  { find: /^@tfkit\/([^/]+)$/, replacement: folder('packages/$1/src/index.ts') },
  { find: /^@tfkit\/([^/]+)\/(.+)$/, replacement: folder('packages/$1/src/$2') },
];

/** Tests in Node: `*.test.ts` once, and inside them `describeBackends` on cpu, wasm, tensorflow and webgpu. */
export const nodeProject: TestProjectConfiguration = {
  resolve: { alias },
  test: {
    name: 'node',
    include: [
      'packages/*/test/**/*.test.ts',
      'tools/*/test/**/*.test.ts',
      'examples/*/test/**/*.test.ts',
      'tour/test/**/*.test.ts',
      'examples/test/**/*.test.ts',
    ],
    exclude: ['**/*.browser.test.ts', '**/node_modules/**'],
    setupFiles: [folder('tools/test-kit/src/setup.ts')],
    globalSetup: [folder('tools/test-kit/src/required.ts')],
    pool: 'forks',
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // tfjs-node prints an advertisement and TensorFlow its CPU features at every start.
    env: { TF_CPP_MIN_LOG_LEVEL: '2', VK_ICD_FILENAMES: swiftShaderDriver() ?? '' },
    provide: { runtime: 'node', backends: provide(['cpu', 'wasm', 'tensorflow', 'webgpu']) },
  },
};

/** Tests in Chromium: `*.backends.test.ts` (which run in Node too) and `*.browser.test.ts`, on webgl and webgpu. */
export const browserProject: TestProjectConfiguration = {
  resolve: {
    alias: [
      // The `browser` condition of core's exports map.
      {
        find: '@tfkit/core/backends/installed',
        replacement: folder('packages/core/src/backends/installed.browser.ts'),
      },
      ...alias,
    ],
  },
  optimizeDeps: {
    include: [
      '@tensorflow/tfjs-core',
      '@tensorflow/tfjs-backend-cpu',
      '@tensorflow/tfjs-backend-wasm',
      '@tensorflow/tfjs-backend-webgl',
      '@tensorflow/tfjs-backend-webgpu',
      '@tensorflow/tfjs-layers',
    ],
  },
  server: { host: '127.0.0.1' },
  test: {
    name: 'browser',
    include: ['packages/*/test/**/*.browser.test.ts', 'packages/*/test/**/*.backends.test.ts'],
    setupFiles: [folder('tools/test-kit/src/setup.ts')],
    testTimeout: 120_000,
    hookTimeout: 120_000,
    fileParallelism: false,
    provide: { runtime: 'browser', backends: provide(['webgl', 'webgpu'], () => 'browser') },
    browser: {
      enabled: true,
      headless: true,
      screenshotFailures: false,
      api: { host: '127.0.0.1' },
      provider: playwright({
        launchOptions: {
          executablePath: findChromium(),
          args: [...chromiumArguments],
        },
      }),
      instances: [{ browser: 'chromium' }],
    },
  },
};

export const hasBrowser = targets.some(({ target, available }) => target === 'browser' && available);
