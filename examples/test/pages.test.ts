/** The examples for pages, in Chromium: the import map as it is, and the bundle. */
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join, normalize } from 'node:path';
import { build } from 'esbuild';
import { type Browser, chromium } from 'playwright';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { findChromium, repositoryRoot } from '../../tools/test-kit/src/availability';

const executablePath = findChromium();
const types: Record<string, string> = { html: 'text/html', js: 'text/javascript', wasm: 'application/wasm' };

/** Serves the repository, and `pages` by their paths, until the test ends. */
async function serve(pages: Record<string, string> = {}): Promise<string> {
  const server = createServer(async ({ url = '' }, response) => {
    const path = normalize(new URL(url, 'http://localhost').pathname);
    try {
      const body = pages[path] ?? (await readFile(join(repositoryRoot, path)));
      response.setHeader('content-type', types[path.split('.').at(-1)!] ?? 'application/octet-stream');
      response.end(body);
    } catch {
      response.writeHead(404).end();
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

describe.skipIf(!executablePath)('examples in Chromium', () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await chromium.launch({ executablePath, args: ['--no-sandbox'] });
  });
  afterAll(() => browser?.close());

  /** The lines that the page prints, once there are `count`; what went wrong in it otherwise. */
  async function printed(address: string, count: number): Promise<string[]> {
    const page = await browser.newPage();
    const problems: string[] = [];
    page.on('pageerror', ({ message }) => problems.push(message));
    page.on('console', (message) => {
      if (message.type() === 'error') problems.push(`${message.text()} ${message.location().url}`);
    });
    await page.goto(address);
    const lines = async () => (await page.textContent('#output'))!.split('\n').filter(Boolean);
    await expect
      .poll(async () => problems.length > 0 || (await lines()).length >= count, { timeout: 60_000 })
      .toBe(true);
    expect(problems).toEqual([]);
    return lines();
  }

  it('runs with an import map and no build', async () => {
    const address = await serve();
    const lines = await printed(`${address}/examples/in-a-page/index.html`, 2);
    expect(lines[0]).toMatch(/^10 model calls, largest value 0\.0/);
    expect(lines[1]).toMatch(/^(webgl|cpu): gradient of a dilated convolution 16 16 16 16 16 16 16 16 16$/);
  }, 90_000);

  it('runs as a bundle', async () => {
    const { outputFiles } = await build({
      entryPoints: [join(repositoryRoot, 'examples/with-a-bundler/main.js')],
      bundle: true,
      format: 'esm',
      platform: 'browser',
      write: false,
      // Packages as they are published, not the sources that the repository's tsconfig.json points to.
      tsconfigRaw: '{}',
      logLevel: 'silent',
    });
    const html =
      '<!doctype html><link rel="icon" href="data:,"><pre id="output"></pre><script type="module" src="/page.js"></script>';
    const wasmFolder = '/node_modules/@tensorflow/tfjs-backend-wasm/dist';
    const wasm = Object.fromEntries(
      await Promise.all(
        ['tfjs-backend-wasm.wasm', 'tfjs-backend-wasm-simd.wasm', 'tfjs-backend-wasm-threaded-simd.wasm'].map(
          async (name) => [`/${name}`, await readFile(join(repositoryRoot, wasmFolder, name))],
        ),
      ),
    );
    const address = await serve({ '/index.html': html, '/page.js': outputFiles[0]!.text, ...wasm });
    const lines = await printed(`${address}/index.html`, 3);
    expect(lines).toContain('wasm: gradient of a dilated convolution 16 16 16 16 16 16 16 16 16');
    expect(lines).toContain('mIoU 0.5833');
  }, 90_000);
});
