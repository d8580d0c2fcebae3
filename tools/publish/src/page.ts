/** Bundles in Chromium: a server of files on this machine and a tab for each program. */
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { extname, join, relative } from 'node:path';
import { type Browser, chromium } from 'playwright';

const types: Record<string, string> = {
  '.html': 'text/html',
  '.js': 'text/javascript',
  '.mjs': 'text/javascript',
};

export interface Pages {
  /** Loads a module of the folder in an empty page; resolves with the first line it prints. */
  execute(file: string): Promise<string>;
  close(): Promise<void>;
}

export async function openPages(folder: string, executablePath: string): Promise<Pages> {
  const server = createServer(async (request, response) => {
    const path = decodeURIComponent(request.url!.split('?')[0]!);
    const [page, module] = path.split('/page:') as [string, string | undefined];
    const body =
      module === undefined
        ? await readFile(join(folder, page)).catch(() => undefined)
        : `<script type="module" src="/${module}"></script>`;
    const type = module === undefined ? types[extname(path)] : types['.html'];
    response.writeHead(body ? 200 : 404, { 'Content-Type': type ?? 'application/octet-stream' });
    response.end(body);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  const browser: Browser = await chromium.launch({ executablePath, args: ['--no-sandbox'] });

  return {
    async execute(file) {
      const tab = await browser.newPage();
      try {
        const printed = new Promise<string>((resolve, reject) => {
          tab.on('console', (message) => {
            if (message.type() === 'log') resolve(message.text());
          });
          tab.on('pageerror', reject);
          tab.on('requestfailed', (request) => reject(new Error(`${request.url()} could not be loaded`)));
          setTimeout(() => reject(new Error(`${file} printed nothing in a minute`)), 60_000).unref();
        });
        await tab.goto(`http://127.0.0.1:${port}/page:${relative(folder, file)}`);
        return await printed;
      } finally {
        await tab.close();
      }
    },
    async close() {
      await browser.close();
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}
