import { access, chmod, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { lineProgress } from '../src/progress';
import { text } from '../src/report/blocks';
import { readResult } from '../src/results';
import type { Stage, StageContext } from '../src/stage';
import { stages } from '../src/stages/index';
import { checkNeeds, chooseStages, prepareFolder, runTour } from '../src/tour';
import { temporaryFolder } from './temporaryFolder';

function makeStage(name: string, run: Stage['run'], needs: string[] = []): Stage {
  const paper = { citation: 'A paper', url: 'https://arxiv.org' };
  return { name, title: name, method: 'It works.', paper, package: '@tfkit/core', budget: 10, needs, run };
}

async function tour(chosen: Stage[], out: string, signal = new AbortController().signal) {
  const lines: string[] = [];
  const outcomes = await runTour({
    stages: chosen,
    selected: { name: 'cpu', tried: [] },
    tfjs: '4.22.0',
    seed: 1,
    quick: true,
    out,
    signal,
    progress: lineProgress((line) => lines.push(line)),
  });
  return { outcomes, lines, page: await readFile(`${out}/index.html`, 'utf8') };
}

const saver = makeStage('saver', async (context) => {
  await context.progress(0.5, 'half');
  context.save('numbers', { values: Uint8Array.of(1, 2, 3), mean: 2 });
  return [text('saved')];
});

const reader = makeStage(
  'reader',
  async ({ load }) => {
    const { values } = await load<{ values: Uint8Array }>('saver', 'numbers');
    return [text(`read ${values.constructor.name} ${values.join()}`)];
  },
  ['saver'],
);

describe('runTour', () => {
  it('hands results to later stages, in this run and in a later one', async () => {
    const out = await temporaryFolder();
    const { page, lines } = await tour([saver, reader], out);
    expect(page).toContain('read Uint8Array 1,2,3');
    expect(page).not.toContain('reads saver');
    expect(lines.filter((line) => /half/.test(line))).toHaveLength(1);
    const alone = await tour([reader], out);
    expect(alone.page).toContain('read Uint8Array 1,2,3');
    expect(alone.page).toMatch(/reads saver&#39;s results of the quick run of 20\d\d-.*, seed 1/);
  });

  it('reports a stage that fails and keeps the others, and not what it saved', async () => {
    const out = await temporaryFolder();
    const broken = makeStage('broken', async (context) => {
      context.save('half', 1);
      throw new Error('no luck <today>');
    });
    const { outcomes, page } = await tour([saver, broken, reader], out);
    expect(outcomes.map(({ result }) => 'failure' in result)).toEqual([false, true, false]);
    expect(page).toContain('This stage failed: no luck &lt;today&gt;');
    expect(page).toContain('read Uint8Array 1,2,3');
    expect(await readdir(`${out}/data`)).toEqual(['saver']);
  });

  it('counts a picture that cannot be drawn as a failure of its stage', async () => {
    const bad = { data: new Uint8Array(1), width: 2, height: 2, channels: 1 as const };
    const drawing = makeStage('drawing', async () => [
      { kind: 'images', items: [{ pictures: [bad] }], labels: ['x'] },
    ]);
    const { page } = await tour([drawing, saver], await temporaryFolder());
    expect(page).toContain('This stage failed: pngUri: data must hold');
    expect(page).toContain('<p>saved</p>');
  });

  it('stops at the next progress after an abort, with the report of what was finished', async () => {
    const out = await temporaryFolder();
    const controller = new AbortController();
    let cleaned = false;
    const endless = makeStage('endless', async (context: StageContext) => {
      try {
        for (let step = 0; ; step++) {
          if (step === 3) controller.abort(new Error('interrupted'));
          await context.progress(0.1, 'on and on');
        }
      } finally {
        cleaned = true;
      }
    });
    await expect(tour([saver, endless, reader], out, controller.signal)).rejects.toThrow('interrupted');
    expect(cleaned).toBe(true);
    const page = await readFile(`${out}/index.html`, 'utf8');
    expect(page).toContain('<p>saved</p>');
    expect(page).toContain('stopped before: endless, reader');
    expect((await readdir(out)).sort()).toEqual(['data', 'index.html']);
  });

  it('lets a stage load only what it says it needs', async () => {
    const greedy = makeStage('greedy', async ({ load }) => [text(await load('saver', 'numbers'))]);
    const { page } = await tour([saver, greedy], await temporaryFolder());
    expect(page).toContain('must name &#39;saver&#39; in its needs');
  });
});

describe('choosing and checking', () => {
  it('names the stages that exist for one that does not', () => {
    expect(() => chooseStages([saver, reader], ['reader', 'sever'])).toThrow(
      "no stage is named 'sever': the stages are saver, reader",
    );
    expect(chooseStages([saver, reader], ['reader', 'saver'])).toEqual([saver, reader]);
    expect(chooseStages([saver, reader], [])).toEqual([saver, reader]);
  });

  it('asks for the stage whose results are missing', async () => {
    const out = await temporaryFolder();
    await expect(checkNeeds([reader], out)).rejects.toThrow(
      "the stage 'reader' reads the results of 'saver', which has not run: --stage saver reader",
    );
    await checkNeeds([saver, reader], out);
    await tour([saver], out);
    await checkNeeds([reader], out);
  });

  it('says so when a saved file is damaged', async () => {
    const out = await temporaryFolder();
    await mkdir(`${out}/saver`);
    await writeFile(`${out}/saver/numbers.bin`, 'not what was saved');
    await expect(readResult(out, 'saver', 'numbers')).rejects.toThrow(
      /numbers.bin is damaged: run the stage/,
    );
    await expect(readResult(out, 'saver', 'other')).rejects.toThrow(/has saved no 'other'/);
  });

  it('refuses a folder that it cannot make or write', async () => {
    const folder = await temporaryFolder();
    await writeFile(`${folder}/file`, '');
    await expect(prepareFolder(`${folder}/file/report`)).rejects.toThrow(
      /cannot be written to .* \(ENOTDIR\)/,
    );
    await prepareFolder(`${folder}/new/report`);
    expect(await readdir(`${folder}/new/report`)).toEqual([]);
  });

  const root = process.getuid?.() === 0;
  it.skipIf(root)(
    `refuses a folder without permission${root ? ' (skipped: root may write anywhere)' : ''}`,
    async () => {
      const folder = await temporaryFolder();
      await chmod(folder, 0o555);
      await expect(prepareFolder(`${folder}/report`)).rejects.toThrow(/\(EACCES\)/);
      await expect(access(`${folder}/report`)).rejects.toThrow();
    },
  );
});

describe('the list of stages', () => {
  it('has each name once, and what a stage needs before it', () => {
    const names = stages.map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
    for (const [index, { needs }] of stages.entries()) {
      for (const need of needs) expect(names.slice(0, index)).toContain(need);
    }
  });
});
