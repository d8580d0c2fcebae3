import { ruleY } from '@observablehq/plot';
import { decode } from 'fast-png';
import { describe, expect, it } from 'vitest';
import { type Block, images, plots, scores, table, text } from '../src/report/blocks';
import { html } from '../src/report/html';
import { type Report, renderPage } from '../src/report/page';
import { classPicture, grayPicture } from '../src/report/pictures';
import { pngUri, renderBlock } from '../src/report/render';
import type { Stage } from '../src/stage';

const hostile = `<script src="http://x.example/a.js">alert('1')</script>&"`;
const gray = grayPicture(Uint8Array.of(0, 80, 160, 255), 2, 2);

const everyBlock: Block[] = [
  text(hostile),
  scores({ label: hostile, value: hostile, note: hostile }),
  images({
    items: [{ pictures: [gray], caption: hostile }],
    labels: [hostile],
    legend: [{ color: hostile, label: hostile }],
    caption: hostile,
  }),
  plots({ title: hostile, options: { x: { label: hostile }, y: { label: 'y' }, marks: [ruleY([0, 1])] } }),
  table({ columns: [hostile, 'n'], rows: [[hostile, 1.5]], caption: hostile }),
];

const stage: Stage = {
  name: 'example',
  title: hostile,
  method: hostile,
  paper: { citation: hostile, url: 'https://arxiv.org/abs/1411.4038' },
  package: '@tfkit/core',
  budget: 1,
  needs: [],
  run: async () => everyBlock,
};

const report: Report = {
  date: new Date('2026-01-02T03:04:05Z'),
  seed: 1,
  quick: true,
  machine: { processor: hostile, cores: 2, memoryGiB: 4, system: 'linux', node: '20.19.0', tfjs: '4.22.0' },
  selected: {
    name: 'cpu',
    tried: [
      { name: 'wasm', ok: false, reason: hostile, install: 'npm install x' },
      { name: 'cpu', ok: true, reason: 'the first', install: '' },
    ],
  },
  outcomes: [
    { stage, seconds: 2, result: { body: everyBlock.map(renderBlock) }, loaded: [] },
    { stage: { ...stage, name: 'broken' }, seconds: 0.1, result: { failure: hostile }, loaded: [] },
  ],
  remaining: [],
};

describe('a paragraph', () => {
  it('shows what stands between backticks as code, escaped like the rest', () => {
    const { source } = renderBlock(text('run `a < b` & see'));
    expect(source).toBe('<p>run <code>a &lt; b</code> &amp; see</p>');
  });
});

describe('the report', () => {
  const page = renderPage(report);

  it('escapes all text', () => {
    expect(page).not.toMatch(/<script/i);
    expect(page).not.toContain(hostile);
    expect(page.match(/&lt;script src=&quot;/g)?.length).toBeGreaterThan(12);
  });

  it('loads nothing: the only addresses are links to follow', () => {
    expect(page).not.toMatch(/\b(src|srcset|poster|data)\s*=\s*["']?(?!data:)[a-z/.]/i);
    expect(page).not.toMatch(/<link[^>]*href="(?!data:)/i);
    expect(page).not.toMatch(/@import|url\(|xlink:href|<iframe|<object|<embed/i);
    const unlinked = page
      .replace(/<a href="https:\/\/arxiv\.org[^"]*">/g, '')
      .replace(/xmlns(:\w+)?="[^"]*"/g, '')
      .replace(/&lt;.*?&gt;/g, '');
    expect(unlinked).not.toMatch(/https?:/);
  });

  it('tells the versions, the backend and what was tried, and a stage over its budget', () => {
    expect(page).toContain('2026-01-02 03:04 UTC');
    expect(page).toContain('Node 20.19.0, TensorFlow.js 4.22.0');
    expect(page).toContain('selected: the first');
    expect(page).toContain('npm install x');
    expect(page).toContain('2.0 s, over its budget of 1 s');
    expect(page).toContain('This stage failed: &lt;script');
  });

  it('holds the pictures as PNG that decode to the same pixels', () => {
    const bytes = Buffer.from(pngUri(gray).replace('data:image/png;base64,', ''), 'base64');
    const { data, width, height, channels } = decode(bytes);
    expect([width, height, channels, ...data]).toEqual([2, 2, 1, 0, 80, 160, 255]);
  });

  it('draws plots as SVG that follow the colour of the page', () => {
    expect(renderBlock(everyBlock[3]!).source).toMatch(/<svg[^>]*fill="currentColor"/);
  });
});

describe('classPicture', () => {
  it('looks class ids up in the palette', () => {
    const { data } = classPicture(Uint8Array.of(1, 0), 2, 1, ['#010203', '#fffefd']);
    expect([...data]).toEqual([255, 254, 253, 1, 2, 3]);
  });

  it('refuses pixels that do not fill the picture', () => {
    expect(() => pngUri({ data: new Uint8Array(3), width: 2, height: 2, channels: 1 })).toThrow(
      /must hold 2 x 2 x 1 bytes, got 3/,
    );
  });
});

describe('html', () => {
  it('escapes values, keeps nested html and joins arrays', () => {
    expect(html`<b title="${'"&'}">${[html`<i>${'<'}</i>`, 2, null]}</b>`.source).toBe(
      '<b title="&quot;&amp;"><i>&lt;</i>2</b>',
    );
  });
});
