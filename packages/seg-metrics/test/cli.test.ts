import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { run } from '../src/cli/run';
import { encodePng } from '../src/io';

const cases = fileURLToPath(new URL('./golden/cases', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'seg-metrics-'));
afterAll(() => {
  rmSync(folder, { recursive: true });
});
const at = (name: string) => join(folder, name);
const built = fileURLToPath(new URL('../dist/cli/worker.js', import.meta.url));

async function cli(...argv: string[]) {
  const result = { out: '', err: '', code: 0 };
  result.code = await run(argv, {
    out: (text) => {
      result.out += text;
    },
    err: (text) => {
      result.err += text;
    },
    isTerminal: false,
    workerFile: new URL(`file://${built}`),
  });
  return result;
}

const png = [
  join(cases, 'png/pred'),
  join(cases, 'png/gt'),
  '--classes',
  '5',
  '--ignore',
  '255',
  '--jobs',
  '1',
];

describe('seg-metrics PRED GT', () => {
  it('scores a folder and writes table, JSON, CSV, HTML and nnU-Net summary', async () => {
    const files = ['--csv', at('c.csv'), '--per-image', at('i.csv'), '--html', at('r.html')];
    const { out, code } = await cli(
      ...[...png, '--metrics', 'hd95,nsd,boundary-iou', '--bootstrap', '50', '--preset', 'mmseg'],
      ...['--json', at('r.json'), ...files, '--nnunet-summary', at('summary.json')],
    );
    expect(code).toBe(0);
    const { expected } = JSON.parse(readFileSync(join(cases, 'png/expected.json'), 'utf8'));
    const miou = expected.find(
      (e: { metric: string; compare: boolean }) => e.metric === 'miou' && e.compare,
    ).values;
    expect(out).toContain(`mIoU ${miou.toFixed(4)}`);
    expect(out).toContain('5 of 5 classes, policy nan-skipped');
    expect(out).toMatch(
      /4: Infinity over 9 images \(1 without prediction, 1 without target, 1 without either\)/,
    );
    expect(JSON.parse(readFileSync(at('r.json'), 'utf8')).overall.miou).toBeCloseTo(miou, 12);
    expect(readFileSync(at('c.csv'), 'utf8').split('\n')[0]).toMatch(
      /^class,iou,dice,.*hd95,nsd,boundary-iou$/,
    );
    expect(readFileSync(at('i.csv'), 'utf8').trim().split('\n')).toHaveLength(11);
    const html = readFileSync(at('r.html'), 'utf8');
    expect(html.match(/data:image\/png;base64/g)).toHaveLength(8);
    expect(html).not.toMatch(/<script|https?:/);
    expect(readFileSync(at('summary.json'), 'utf8')).toMatch(/"foreground_mean"/);
  });

  it('merges shards to the numbers of the whole', async () => {
    for (const [shard, keep] of [
      ['a', (i: number) => i < 4],
      ['b', (i: number) => i >= 4],
    ] as const) {
      for (const side of ['pred', 'gt']) {
        mkdirSync(at(`${shard}/${side}`), { recursive: true });
        for (let i = 0; i < 10; i++) {
          if (keep(i))
            cpSync(join(cases, `png/${side}/frame_00${i}.png`), at(`${shard}/${side}/frame_00${i}.png`));
        }
      }
      const { code } = await cli(
        at(`${shard}/pred`),
        at(`${shard}/gt`),
        ...png.slice(2),
        '--json',
        at(`${shard}.json`),
      );
      expect(code).toBe(0);
    }
    const written = (name: string) => ['--csv', at(`${name}.csv`), '--per-image', at(`${name}.images.csv`)];
    const merged = await cli(
      'merge',
      at('a.json'),
      at('b.json'),
      ...written('merged'),
      '--html',
      at('m.html'),
    );
    const whole = await cli(...png, ...written('whole'));
    expect(merged.out).toBe(whole.out);
    const text = (name: string) => readFileSync(at(name), 'utf8');
    expect(text('merged.csv')).toBe(text('whole.csv'));
    expect(text('merged.images.csv')).toBe(text('whole.images.csv'));
    expect(text('m.html')).toMatch(/a\.json \+ .*b\.json against their targets: 10 images/);
  });

  it('exits 1 below a gate and 0 at it', async () => {
    expect((await cli(...png, '--min-miou', '0.73')).code).toBe(0);
    const { code, err } = await cli(...png, '--min-miou', '0.99');
    expect([code, err]).toEqual([1, expect.stringMatching(/miou 0.7396\d* is below --min-miou 0.99/)]);
  });

  it('lists everything that is wrong by file, and scores nothing', async () => {
    cpSync(join(cases, 'png'), at('bad'), { recursive: true });
    rmSync(at('bad/pred/frame_000.png'));
    rmSync(at('bad/gt/frame_001.png'));
    truncateSync(at('bad/pred/frame_002.png'), 300);
    writeFileSync(
      at('bad/pred/frame_003.png'),
      await encodePng({ width: 2, height: 2, data: new Uint8Array(4) }),
    );
    const wrong = new Uint8Array(72 * 56).fill(9);
    writeFileSync(at('bad/pred/frame_004.png'), await encodePng({ width: 72, height: 56, data: wrong }));
    const { code, out, err } = await cli(at('bad/pred'), at('bad/gt'), ...png.slice(2));
    expect([code, out]).toEqual([2, '']);
    expect(err).toMatch(/nothing scored, 5 problems/);
    expect(err).toMatch(/gt\/frame_000.png: no prediction 'frame_000'/);
    expect(err).toMatch(/pred\/frame_001.png: no target 'frame_001'/);
    expect(err).toMatch(/frame_002.png: decodePng: file must hold its chunks/);
    expect(err).toMatch(/frame_003.png: size 2x2 differs from 128x96/);
    expect(err).toMatch(
      /pred\/frame_004.png: predictions must be in \[0, 4\], got 9 at pixel 0. Name it with --ignore/,
    );
  });

  it('names the file whose distances cannot be had, and passes over folders named as files', async () => {
    mkdirSync(at('line/a.png'), { recursive: true });
    writeFileSync(at('line/b.png'), await encodePng({ width: 2, height: 1, data: Uint8Array.of(0, 1) }));
    const line = [at('line'), at('line'), '--classes', '2', '--metrics', 'hd'];
    expect((await cli(...line)).code).toBe(0);
    const { code, err } = await cli(...line, '--spacing', '1,1,1');
    expect([code, err]).toEqual([
      2,
      expect.stringMatching(/line\/b.png: --spacing must have 2 steps, got 3/),
    ]);
  });

  it('reads NIfTI with its spacing, and refuses differing affines', async () => {
    const pair = [join(cases, 'nifti/pred.nii.gz'), join(cases, 'nifti/gt.nii.gz')];
    const { out } = await cli(...pair, '--classes', '3', '--metrics', 'hd,assd');
    expect(out).toMatch(/0: 3.6000 over 1 images/);
    expect(out).toMatch(/hd [\d.]+ mm, empty masks: inf/);
    const { gunzipSync, gzipSync } = await import('node:zlib');
    const bytes = gunzipSync(readFileSync(pair[0]!));
    bytes.writeFloatLE(bytes.readFloatLE(292) + 5, 292);
    writeFileSync(at('moved.nii.gz'), gzipSync(bytes));
    const moved = await cli(at('moved.nii.gz'), pair[1]!, '--classes', '3');
    expect([moved.code, moved.err]).toEqual([2, expect.stringMatching(/its affine differs/)]);
    expect((await cli(at('moved.nii.gz'), pair[1]!, '--classes', '3', '--ignore-affine')).code).toBe(0);
  });

  describe('with COCO panoptic JSON', () => {
    const pair = [join(cases, 'png-panoptic/pred.json'), join(cases, 'png-panoptic/gt.json')];

    it('scores it and writes JSON, CSV and HTML', async () => {
      const files = ['--json', at('p.json'), '--csv', at('p.csv'), '--html', at('p.html')];
      const { out, code } = await cli(...pair, ...files, '--jobs', '1');
      expect(code).toBe(0);
      expect(out).toMatch(/all\s+71\.68\s+74\.94\s+95\.00\s+4 categories/);
      const rows = readFileSync(at('p.csv'), 'utf8').trim().split('\n');
      expect(rows[0]).toBe('category,pq,sq,rq,tp,fp,fn');
      expect(rows.find((row) => row.startsWith('bus'))).toBe('bus,NaN,NaN,NaN,0,0,0');
      expect(Number(rows.find((row) => row.startsWith('all'))!.split(',')[1])).toBeCloseTo(0.7168, 4);
      const html = readFileSync(at('p.html'), 'utf8');
      expect(html.match(/data:image\/png;base64/g)).toHaveLength(2);
      expect(html).not.toMatch(/<script|https?:/);
    });

    it('merges what it wrote', async () => {
      await cli(...pair, '--json', at('p.json'), '--jobs', '1');
      const { out, code } = await cli('merge', at('p.json'), at('p.json'), '--min-pq', '0.7');
      expect(code).toBe(0);
      expect(out).toMatch(/person .*8\/2\/2/);
      expect(out).toMatch(/4 images; panopticapi's rules/);
      await cli(...png, '--json', at('maps.json'));
      expect((await cli('merge', at('p.json'), at('maps.json'))).err).toMatch(
        /all of label maps, or all panoptic/,
      );
      expect((await cli('merge', at('p.json'), '--min-miou', '0')).err).toMatch(
        /--min-miou has no meaning with panoptic JSON/,
      );
    });

    it('lists what is wrong, and refuses options without a meaning there', async () => {
      cpSync(join(cases, 'png-panoptic'), at('panoptic'), { recursive: true });
      truncateSync(at('panoptic/pred/0001.png'), 200);
      const json = JSON.parse(readFileSync(at('panoptic/gt.json'), 'utf8'));
      json.annotations.push({ ...json.annotations[0], image_id: 77 });
      writeFileSync(at('panoptic/gt.json'), JSON.stringify(json));
      const { code, out, err } = await cli(at('panoptic/pred.json'), at('panoptic/gt.json'), '--jobs', '1');
      expect([code, out]).toEqual([2, '']);
      expect(err).toMatch(/nothing scored, 2 problems/);
      expect(err).toMatch(/pred.json: no annotation of image 77/);
      expect(err).toMatch(/image \S+: .*pred\/0001.png: decodePng: file must hold its chunks/);
      expect((await cli(...pair, '--metrics', 'hd')).err).toMatch(
        /--metrics has no meaning with panoptic JSON/,
      );
    });
  });

  it('names the option that is wrong', async () => {
    expect((await cli(...png.slice(0, 2))).err).toMatch(/--classes must be given/);
    expect((await cli(...png, '--polici', 'x')).err).toMatch(/Unknown option '--polici'/);
    expect((await cli(...png, '--metrics', 'hd96')).err).toMatch(/--metrics must list .* got 'hd96'/);
    expect((await cli('/none', '/none', '--classes', '2')).err).toMatch(/PRED must be a folder or file/);
    expect((await cli(...png, '--min-miou', '75')).err).toMatch(/--min-miou must be a number in \[0, 1\]/);
    expect((await cli(...png, '--spacing', '1,x')).err).toMatch(/--spacing must be a number > 0, got 'x'/);
    expect((await cli(...png, '--html', '/none/r.html')).err).toMatch(
      /--html must be in a folder that exists/,
    );
    expect((await cli(...png, '--json', '-', '--csv', '-')).err).toMatch(/only one output/);
    expect((await cli('merge', '/none.json')).err).toBe(
      "seg-metrics: /none.json: ENOENT: no such file or directory, open '/none.json'\n",
    );
    expect((await cli('p.json', at('bad'))).err).toMatch(/must both be panoptic JSON, got one that is/);
    expect((await cli('--help')).out).toMatch(/Exit codes: 0 scored/);
  });

  it.skipIf(!existsSync(built))(
    'gives the same with workers (skipped where the package is not built)',
    async () => {
      const alone = await cli(...png, '--metrics', 'hd95');
      const spread = await cli(...png.slice(0, -1), '2', '--metrics', 'hd95');
      expect(spread.out).toBe(alone.out);
      const panoptic = [join(cases, 'png-panoptic/pred.json'), join(cases, 'png-panoptic/gt.json'), '--jobs'];
      expect((await cli(...panoptic, '2')).out).toBe((await cli(...panoptic, '1')).out);
    },
  );
});
