/**
 * Every package as users have it: packed, installed by npm from a registry that holds the packed packages, checked by
 * TypeScript under both resolutions, run by Node as ESM and as CJS, and bundled by three bundlers.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findChromium } from '@tfkit/test-kit/availability';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bundle, bundlers } from '../src/bundle';
import { Consumer, jobsOf, needsOf } from '../src/consumer';
import { openPages, type Pages } from '../src/page';
import { type Registry, startRegistry } from '../src/registry';
import { publicPackages, requiredBy } from '../src/workspace';

const packages = publicPackages();
let folder: string;
let registry: Registry;
let browser: Pages | undefined;
const chromium = findChromium();
const pages = { reason: chromium ? undefined : 'no Chromium; npm run setup:backends -- chromium' };

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tfkit-installs-'));
  registry = await startRegistry(join(folder, 'tarballs'));
  if (chromium) browser = await openPages(folder, chromium);
}, 120_000);

afterAll(async () => {
  await browser?.close();
  await registry?.close();
  if (folder) await rm(folder, { recursive: true, force: true });
});

/** What may come with a package that asks for little: a user of ONNX Runtime or of plain Node gets no TensorFlow.js. */
const nothingElse: Record<string, string[]> = {
  '@tfkit/core': ['@tfkit/core'],
  '@tfkit/seg-metrics': ['@tfkit/core', '@tfkit/seg-metrics'],
  '@tfkit/diffusion-samplers': ['@tfkit/core', '@tfkit/diffusion-samplers'],
  '@tfkit/tf-export-decorator': ['@tfkit/tf-export-decorator'],
};

describe.each(packages.map((entry) => [entry.name, entry] as const))('%s', (name, { id, manifest }) => {
  const jobs = jobsOf(id);
  const consumer = () => new Consumer(join(folder, id), registry.url);
  // A page has no processes: the package says so there, in one error.
  const target = id === 'ddp' ? 'node' : 'browser';

  it('has a main job, which is what the tests below run', () => {
    expect(jobs).toContain(id);
  });

  it('installs, with the packages it requires and no backend', async () => {
    const installed = consumer();
    await installed.install([name]);
    const found = [...installed.installed().keys()];
    expect(found).toEqual(expect.arrayContaining([name, ...requiredBy(manifest)]));
    expect(found.filter((each) => /tfjs-(backend|node|layers|converter)/.test(each))).toEqual([]);
    const ours = found.filter((each) => each.startsWith('@tfkit/'));
    expect(new Set(ours)).toEqual(new Set([name, ...Object.keys(manifest.dependencies ?? {})]));
    if (nothingElse[name]) expect(found.sort()).toEqual(nothingElse[name]);
  });

  it('type checks as ESM and as CJS in Node, and for bundlers', async () => {
    const installed = consumer();
    await installed.install([...new Set(jobs.flatMap(needsOf))]);
    for (const kind of ['esm', 'cjs', 'bundler'] as const) {
      for (const job of jobs) installed.write(job, kind);
    }
    await installed.compile('node16');
    await installed.compile('bundler');
  });

  it('does its main job in Node as ESM and as CJS', async () => {
    const installed = consumer();
    for (const job of jobs) {
      const path = (kind: string, extension: string) =>
        join(installed.folder, kind, `main-${job}${extension}`);
      const esm = await installed.execute(path('esm', '.mjs'));
      const cjs = await installed.execute(path('cjs', '.cjs'));
      expect(esm).not.toBe('');
      expect(cjs).toBe(esm);
    }
  });

  const runs = target === 'node' ? 'Node' : pages.reason ? `Chromium (not run: ${pages.reason})` : 'Chromium';
  it.each(bundlers)(`does its main job in a bundle of %s in ${runs}`, async (bundler) => {
    const installed = consumer();
    for (const job of jobs) {
      const out = join(installed.folder, `out-${bundler}-${job}`);
      const entry = join(installed.folder, 'bundler', `main-${job}`);
      const file = await bundle(bundler, entry, out, target);
      if (target === 'node') expect(await installed.execute(file)).not.toBe('');
      else if (browser) expect(await browser.execute(file)).not.toBe('');
    }
  });
});
