/**
 * The bundle of a page: Vite builds it, a server sends it with and without the headers of cross-origin isolation, and
 * Chromium runs it. Isolated, tfjs takes its threaded build, whose memory is shared.
 */

import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Browser, chromium } from 'playwright';
import { build } from 'vite';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findChromium } from '../../../tools/test-kit/src/availability';

const executablePath = findChromium();
const here = fileURLToPath(new URL('.', import.meta.url));
const core = fileURLToPath(new URL('..', import.meta.url));
const types: Record<string, string> = {
  '.html': 'text/html',
  '.js': 'text/javascript',
  '.wasm': 'application/wasm',
};
const isolation = {
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Embedder-Policy': 'require-corp',
};

/** The built package, as a user's bundle would have it, beside the sources that the check imports. */
const page = `
import * as tf from '@tensorflow/tfjs-core';
import { setWasmPaths } from '@tensorflow/tfjs-backend-wasm';
import simd from '@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm-simd.wasm?url';
import threaded from '@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm-threaded-simd.wasm?url';
import plain from '@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm.wasm?url';
import { ensureGradients, ensureKernels } from '@tfkit/core/tfjs';
import { checkKernels } from '${join(here, 'wasmCheck.ts')}';
import { moduleFor } from '${join(core, 'src/kernels/wasm/instance.ts')}';
setWasmPaths({
  'tfjs-backend-wasm.wasm': plain,
  'tfjs-backend-wasm-simd.wasm': simd,
  'tfjs-backend-wasm-threaded-simd.wasm': threaded,
});
globalThis.result = (async () => {
  await tf.setBackend('wasm');
  await ensureGradients();
  await ensureKernels();
  const shared = !(moduleFor(tf.backend())?.memory.buffer instanceof ArrayBuffer);
  return { ...(await checkKernels()), shared, layered: 'beneath' in tf.getKernel('Conv2D', 'wasm') };
})();
`;

describe.skipIf(!executablePath)('wasm kernels in a bundle (skipped without Chromium)', () => {
  let browser: Browser;
  let folder: string;
  let server: Server;
  let headers: Record<string, string> = {};
  let address: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tfkit-wasm-'));
    await writeFile(join(folder, 'index.html'), '<script type="module" src="/main.js"></script>');
    await writeFile(join(folder, 'main.js'), page);
    const modules = join(core, '../../node_modules');
    await build({
      root: folder,
      configFile: false,
      logLevel: 'error',
      resolve: {
        alias: [
          { find: /^(@tensorflow\/.*)$/, replacement: `${modules}/$1` },
          { find: /^@tfkit\/core\/(.*)$/, replacement: `${core}dist/$1.js` },
        ],
      },
      // tfjs starts its threads from the source text of a function, which minified refers to what only the page has.
      build: { minify: false, outDir: join(folder, 'dist'), target: 'es2022', assetsInlineLimit: 0 },
    });
    server = createServer(async (request, response) => {
      const path = request.url === '/' ? '/index.html' : request.url!.split('?')[0]!;
      const body = await readFile(join(folder, 'dist', path)).catch(() => undefined);
      const type = types[extname(path)] ?? 'application/octet-stream';
      response.writeHead(body ? 200 : 404, { 'Content-Type': type, ...headers });
      response.end(body);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    address = `http://127.0.0.1:${(server.address() as { port: number }).port}/`;
    browser = await chromium.launch({ executablePath, args: ['--no-sandbox'] });
  }, 120_000);

  afterAll(async () => {
    await browser?.close();
    server?.close();
    if (folder) await rm(folder, { recursive: true });
  });

  async function visit(sent: Record<string, string>) {
    headers = sent;
    const tab = await browser.newPage();
    try {
      await tab.goto(address);
      return await tab.evaluate(async () => {
        const { result } = globalThis as unknown as { result: Promise<object> };
        return { ...(await result), isolated: globalThis.crossOriginIsolated };
      });
    } finally {
      await tab.close();
    }
  }
  const right = { ours: true, worst: expect.closeTo(0, 4), layered: true };

  it('run on the memory of one thread', async () => {
    expect(await visit({})).toEqual({ ...right, shared: false, isolated: false });
  });

  it('run on shared memory where the page is cross-origin isolated', async () => {
    expect(await visit(isolation)).toEqual({ ...right, shared: true, isolated: true });
  });

  it("need 'wasm-unsafe-eval' of a Content-Security-Policy, as tfjs does, and nothing more", async () => {
    const csp = "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; connect-src 'self'";
    const answer = await visit({ 'Content-Security-Policy': csp });
    expect(answer).toEqual({ ...right, shared: false, isolated: false });
  });
});
