/** The built page on a server of its own, under a base path, and Chromium to look at it. */
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { chromiumArguments, findChromium } from '@tfkit/test-kit/availability';
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright';
import { build } from 'vite';

export const playground = fileURLToPath(new URL('..', import.meta.url));

const types: Record<string, string> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.wasm': 'application/wasm',
  '.png': 'image/png',
  '.svg': 'image/svg+xml',
};

export interface Site {
  /** The page's address, without a query. */
  readonly address: string;
  close(): Promise<void>;
}

/** Builds into a folder and serves it under /some/base/: any other path is not found. */
export async function serveBuild(outDir: string): Promise<Site> {
  await build({ root: playground, logLevel: 'error', build: { outDir, emptyOutDir: true } });
  const base = '/some/base/';
  const server = createServer(async ({ url = '' }, response) => {
    const path = decodeURIComponent(new URL(url, 'http://localhost').pathname);
    const file = path === base ? 'index.html' : path.slice(base.length);
    try {
      if (!path.startsWith(base) || file.includes('..')) throw new Error('outside');
      const bytes = await readFile(join(outDir, file));
      response.setHeader('Content-Type', types[extname(file)] ?? 'application/octet-stream').end(bytes);
    } catch {
      response.writeHead(404).end();
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    address: `http://127.0.0.1:${port}${base}`,
    close: () => new Promise((resolve) => server.close(() => resolve())),
  };
}

export const launch = (args: readonly string[] = chromiumArguments): Promise<Browser> =>
  chromium.launch({ executablePath: findChromium(), args: [...args] });

/** A page that can reach its own origin alone, with what went wrong on it: errors of the console, requests elsewhere. */
export interface WatchedPage {
  readonly page: Page;
  readonly complaints: string[];
}

export async function openPage(
  browser: Browser,
  { address }: Site,
  options: BrowserContextOptions = {},
): Promise<WatchedPage> {
  const context = await browser.newContext({ reducedMotion: 'reduce', ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(60_000);
  const complaints: string[] = [];
  const { origin } = new URL(address);
  await context.route('**/*', (route) => {
    const url = route.request().url();
    if (new URL(url).origin === origin || url.startsWith('blob:') || url.startsWith('data:'))
      return route.continue();
    complaints.push(`a request to ${url}`);
    return route.abort();
  });
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') complaints.push(message.text());
  });
  page.on('pageerror', (error) => complaints.push(String(error)));
  page.on('response', (response) => {
    if (response.status() >= 400) complaints.push(`${response.status()} for ${response.url()}`);
  });
  return { page, complaints };
}

/** Waits until the run that goes on has come to an end, and gives what the status says. */
export async function outcome(page: Page): Promise<string> {
  const status = page.locator('.run-state [role=status]');
  await status.filter({ hasText: /Done|Failed|Cancelled/ }).waitFor();
  return (await status.textContent())!;
}

/** The big number of a score card. */
export async function score(page: Page, label: string): Promise<string> {
  const card = page.locator('.scores > div', { has: page.locator('dt', { hasText: label }) });
  return (await card.first().locator('.value').textContent())!;
}
