/** The built page in Chromium: every lab does its job on webgpu and wasm, with nothing but its own origin. */
import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import AxeBuilder from '@axe-core/playwright';
import { findTestTargets } from '@tfkit/test-kit/availability';
import type { Browser } from 'playwright';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { csvOfBlobs, labelsModel, pngOf, schedulerConfig } from './files';
import {
  launch,
  openPage,
  outcome,
  playground,
  type Site,
  score,
  serveBuild,
  type WatchedPage,
} from './site';

const { available, install } = findTestTargets().find(({ target }) => target === 'browser')!;
if (!available) it.skip(`the playground in Chromium (skipped: absent, brought by: ${install})`);

const labs = ['sampler', 'dilated', 'margin', 'mask', 'flow'] as const;

describe.skipIf(!available)('the playground', { timeout: 120_000 }, () => {
  let folder: string;
  let site: Site;
  let browser: Browser;
  beforeAll(async () => {
    folder = await mkdtemp(join(playground, 'dist-test-'));
    [site, browser] = await Promise.all([serveBuild(folder), launch()]);
  });
  afterAll(async () => {
    await browser?.close();
    await site?.close();
    await rm(folder, { recursive: true, force: true });
  });

  /** Opens an address, lets `body` look at it, and asserts that nothing was complained of. */
  async function visit(
    query: string,
    body: (watched: WatchedPage) => Promise<void>,
    options: Parameters<typeof openPage>[2] = {},
  ): Promise<void> {
    const watched = await openPage(browser, site, options);
    try {
      await watched.page.goto(`${site.address}?${query}`);
      await body(watched);
      expect(watched.complaints).toEqual([]);
    } finally {
      await watched.page.context().close();
    }
  }

  /** A renderer in software takes a hundred times as long as a card: on webgpu training is short. */
  const amounts = [
    { backend: 'webgpu', marginSteps: 20, accuracy: 60, flowSteps: 20, nats: -4.05 },
    { backend: 'wasm', marginSteps: 100, accuracy: 80, flowSteps: 200, nats: -3.6 },
  ];
  describe.each(amounts)('on $backend', ({ backend, marginSteps, accuracy, flowSteps, nats }) => {
    it('samples the mixture, closer to the exact solution with more steps', async () => {
      await visit(`lab=sampler&backend=${backend}&steps=8&solver=heun`, async ({ page }) => {
        expect(await outcome(page)).toMatch(`on ${backend}`);
        const few = Number(await score(page, 'Error against'));
        await page.getByRole('slider', { name: 'Steps' }).fill('32');
        await expect.poll(async () => await score(page, 'Model calls')).toBe('63');
        const many = Number(await score(page, 'Error against'));
        expect(few).toBeGreaterThan(0.02);
        expect(many).toBeLessThan(few / 4);
        expect(new URL(page.url()).searchParams.get('steps')).toBe('32');
      });
    });

    it('counts the paths of dilated layers as the backend does', async () => {
      await visit(`lab=dilated&backend=${backend}&rates=2,2,2`, async ({ page }) => {
        expect(await outcome(page)).toMatch(`on ${backend}`);
        expect(await score(page, 'Receptive field')).toBe('13 × 13');
        expect(await score(page, 'HDC rule')).toBe('passes');
        expect(await score(page, 'Exact coverage')).toBe('has holes');
        expect(await score(page, 'Measured')).toBe('agrees');
        await page.getByRole('button', { name: 'Take them' }).click();
        await expect.poll(() => score(page, 'Exact coverage')).toBe('complete');
      });
    });

    it('trains digits into a fan', async () => {
      await visit(`lab=margin&backend=${backend}&classes=3&steps=${marginSteps}`, async ({ page }) => {
        await page.getByRole('button', { name: 'Train' }).click();
        expect(await outcome(page)).toMatch(`on ${backend}`);
        expect(Number.parseFloat(await score(page, 'Accuracy'))).toBeGreaterThan(accuracy);
        expect(Number.parseFloat(await score(page, 'Width of a class'))).toBeLessThan(40);
        expect(
          await page.getByRole('img', { name: '120 points of 3 classes' }).locator('circle').count(),
        ).toBe(120);
      });
    });

    it('scores the example masks', async () => {
      await visit(`lab=mask&backend=${backend}`, async ({ page }) => {
        expect(await outcome(page)).toMatch(`on ${backend}`);
        const row = page.getByRole('row', { name: /^1 / });
        // IoU and Dice of one class: Dice = 2 IoU / (1 + IoU).
        const [iou, dice] = (await row.getByRole('cell').allTextContents()).map(Number) as [number, number];
        expect(dice).toBeCloseTo((2 * iou) / (1 + iou), 2);
        expect(Number(await score(page, 'mean IoU'))).toBeCloseTo(0.7795, 3);
      });
    });

    it('learns the density of points', async () => {
      await visit(
        `lab=flow&backend=${backend}&steps=${flowSteps}&shape=blobs&width=16&couplings=2`,
        async ({ page }) => {
          await page.getByRole('button', { name: 'Train' }).click();
          expect(await outcome(page)).toMatch(`on ${backend}`);
          // The noise itself gives the points -4.18 nats, a Gaussian of their covariance -3.69.
          expect(Number.parseFloat(await score(page, 'Log-likelihood'))).toBeGreaterThan(nats);
          expect(Number(await score(page, 'Probability'))).toBeGreaterThan(0.9);
          expect(Number(await score(page, 'Inversion'))).toBeLessThan(1e-3);
        },
      );
    });
  });

  it('changes the backend while it runs, and says what it runs on', async () => {
    await visit('lab=dilated', async ({ page }) => {
      await outcome(page);
      for (const backend of ['webgl', 'cpu', 'webgpu', 'wasm']) {
        await page.getByRole('radio', { name: backend }).check();
        await expect.poll(() => outcome(page)).toMatch(`on ${backend}`);
        expect(await score(page, 'Measured')).toBe('agrees');
        expect(new URL(page.url()).searchParams.get('backend')).toBe(backend);
      }
    });
  });

  it('says which backends are absent, and why, and runs on one that is there', async () => {
    const plain = await launch(['--no-sandbox', '--disable-gpu', '--disable-3d-apis']);
    try {
      const { page, complaints } = await openPage(plain, site);
      await page.goto(`${site.address}?lab=dilated`);
      await page.getByText(/webgpu is absent: .*(navigator.gpu|adapter)/).waitFor();
      await page.getByText(/webgl is absent: no WebGL 2 context/).waitFor();
      expect(await page.getByRole('radio', { name: 'webgpu (absent)' }).isDisabled()).toBe(true);
      expect(await outcome(page)).toMatch('on wasm');
      expect(complaints).toEqual([]);
    } finally {
      await plain.close();
    }
  });

  it('cancels a long training and can train again', async () => {
    await visit('lab=margin&backend=wasm&steps=1000&classes=10', async ({ page }) => {
      await page.getByRole('button', { name: 'Train' }).click();
      await page.getByRole('img', { name: 'points of 10 classes' }).waitFor();
      await page.getByRole('button', { name: 'Cancel' }).click();
      expect(await outcome(page)).toBe('Cancelled.');
      await page.getByRole('slider', { name: 'Steps' }).fill('20');
      await page.getByRole('button', { name: 'Train' }).click();
      await expect.poll(() => outcome(page)).toMatch('Done');
    });
  });

  it('restores its state from the address, and goes back', async () => {
    await visit('lab=sampler&backend=wasm&schedule=edm&solver=rk4&steps=12', async ({ page }) => {
      await outcome(page);
      expect(await page.getByLabel('Noise schedule').inputValue()).toBe('edm');
      expect(await page.locator('pre').textContent()).toMatch(/schedule: edm\(\),\n.*\n\s+solver: rk4\(\)/);
      await page.getByRole('link', { name: 'Masks' }).click();
      await page.getByRole('heading', { name: 'Mask lab' }).waitFor();
      expect(await page.evaluate(() => document.activeElement?.textContent)).toBe('Mask lab');
      await page.goBack();
      await page.getByRole('heading', { name: 'Sampler lab' }).waitFor();
      expect(await page.getByLabel('Solver').inputValue()).toBe('rk4');
    });
  });

  describe('with files of one’s own', () => {
    it('runs a scheduler_config.json of diffusers', async () => {
      await visit('lab=sampler&backend=wasm', async ({ page }) => {
        await page.getByLabel('Your scheduler_config.json').setInputFiles(schedulerConfig);
        await page.getByText('EulerDiscreteScheduler', { exact: true }).waitFor();
        await expect.poll(() => page.locator('.scores').textContent()).toMatch('euler on vp, karras');
        await page.reload();
        await expect.poll(() => page.locator('.scores').textContent()).toMatch('euler on vp, karras');
      });
    });

    it('analyses a model.json, and says what is wrong with one that has no layers', async () => {
      await visit('lab=dilated&backend=wasm', async ({ page }) => {
        const input = page.getByLabel('Your model.json');
        await input.setInputFiles(labelsModel);
        const row = page.getByRole('row', { name: /dilated/ });
        // 3 wide, then 3 wide at rate 4 on the same grid.
        expect(await row.getByRole('cell').nth(1).textContent()).toBe('11');
        await input.setInputFiles({ ...labelsModel, buffer: Buffer.from('{"modelTopology": {"node": []}}') });
        await page.getByText('a graph model has no layers').waitFor();
      });
    });

    it('projects embeddings from a CSV', async () => {
      await visit('lab=margin&backend=wasm&steps=60', async ({ page }) => {
        await page.getByLabel('Your embeddings').setInputFiles(csvOfBlobs);
        await page.getByText('Read: blobs.csv').waitFor();
        await page.getByRole('button', { name: 'Train' }).click();
        expect(await outcome(page)).toMatch('Done');
        expect(Number.parseFloat(await score(page, 'Accuracy'))).toBeGreaterThan(95);
        expect(await page.getByRole('list', { name: 'Classes' }).allTextContents()).toEqual(['antbeecat']);
      });
    });

    it('scores two PNG masks, the target told by its name', async () => {
      await visit('lab=mask&backend=wasm', async ({ page }) => {
        await outcome(page);
        const masks = [await pngOf('target.png', [0, 0, 7, 7]), await pngOf('guess.png', [0, 7, 7, 7])];
        await page.getByLabel('Your two masks').setInputFiles(masks);
        await expect.poll(() => score(page, 'pixel accuracy')).toBe('0.7500');
        const row = page.getByRole('row', { name: /^7 / });
        // Precision 2/3, recall 1: swapped, they would be the other way round.
        expect((await row.getByRole('cell').allTextContents()).slice(2, 4)).toEqual(['0.667', '1']);
        await page.getByLabel('Your two masks').setInputFiles([masks[0]!]);
        await page.getByText('two files are needed, got 1').waitFor();
      });
    });

    it('takes points drawn with the mouse and with the keyboard into the address', async () => {
      await visit('lab=flow&backend=wasm&shape=own', async ({ page }) => {
        const area = page.getByRole('application', { name: 'Drawing area' });
        const box = (await area.boundingBox())!;
        await page.mouse.move(box.x + 60, box.y + 60);
        await page.mouse.down();
        await page.mouse.move(box.x + 160, box.y + 90, { steps: 5 });
        await page.mouse.up();
        await page.getByText('18 points.').waitFor();
        await area.focus();
        await page.keyboard.press('ArrowUp');
        await page.keyboard.press('Space');
        await page.getByText('21 points.').waitFor();
        await page.reload();
        await page.getByText('21 points.').waitFor();
      });
    });
  });

  it.each(labs)('the %s lab has no fault that axe finds, light or dark, and fits a phone', async (lab) => {
    await visit(`lab=${lab}&backend=wasm&model=example&steps=20`, async ({ page }) => {
      if (lab === 'margin' || lab === 'flow') await page.getByRole('button', { name: 'Train' }).click();
      await outcome(page);
      for (const colorScheme of ['light', 'dark'] as const) {
        await page.emulateMedia({ colorScheme });
        const { violations } = await new AxeBuilder({ page }).analyze();
        const faults = violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`);
        expect(faults).toEqual([]);
      }
      await page.setViewportSize({ width: 375, height: 800 });
      expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(375);
    });
  });
});
