/**
 * Names-only scan and full golden of 1,000 symbols, each in a process of its own with the compiler's start included,
 * beside api-extractor on the same package. api-extractor reads typings, so the `tsc` run that makes them is its first
 * step; a row without that step is given too.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { alternate, type BenchContext, type BenchRow } from '@tfkit/bench';
import { tfExport } from '@tfkit/tf-export-decorator';
import { apiExtractorVersion, installApiExtractor } from './peers';
import { writePackage } from './synthetic';

const name = 'tf-export-decorator';
const root = resolve(import.meta.dirname, '..', '..', '..');
const cli = join(root, 'packages', name, 'dist', 'cli', 'main.js');

export default async function bench({ quick, log }: BenchContext): Promise<BenchRow[]> {
  const folder = mkdtempSync(join(tmpdir(), 'tfx-bench-'));
  try {
    const [files, perFile] = quick ? [5, 10] : [50, 20];
    writePackage(folder, files, perFile);
    symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'), 'dir');
    const rows = await timeTools(folder, `${files * perFile} symbols in ${files} files`, quick ? 1 : 3, log);
    return [...rows, callCost()];
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function timeTools(
  folder: string,
  size: string,
  rounds: number,
  log: (text: string) => void,
): Promise<BenchRow[]> {
  const run = (program: string, args: string[], accepted: readonly number[] = [0]) => {
    const { status, stderr, stdout } = spawnSync(process.execPath, [program, ...args], {
      cwd: folder,
      encoding: 'utf8',
      maxBuffer: 1 << 28,
    });
    if (!accepted.includes(status ?? -1))
      throw new Error(`${program} ${args.join(' ')}: ${stderr || stdout}`);
  };
  const peer = installApiExtractor(log);
  const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
  const extractor = peer && join(peer, 'node_modules', '@microsoft', 'api-extractor', 'bin', 'api-extractor');
  if (peer) {
    mkdirSync(join(folder, 'etc'), { recursive: true });
    const config = {
      mainEntryPointFilePath: '<projectFolder>/dist/index.d.ts',
      apiReport: { enabled: true },
      docModel: { enabled: false },
      dtsRollup: { enabled: false },
      tsdocMetadata: { enabled: false },
    };
    writeFileSync(join(folder, 'api-extractor.json'), JSON.stringify(config));
    run(tsc, ['-p', '.']);
  }
  log('timing');
  const timings = await alternate(
    {
      scan: () => run(cli, ['scan', '--json']),
      golden: () => run(cli, ['golden', '--update']),
      ...(extractor
        ? {
            extract: () => run(extractor, ['run', '--local'], [0, 1]),
            'emit and extract': () => {
              run(tsc, ['-p', '.']);
              run(extractor, ['run', '--local'], [0, 1]);
            },
          }
        : {}),
    } as Record<'scan' | 'golden' | 'extract' | 'emit and extract', () => void>,
    rounds,
  );
  const row = (
    what: string,
    ours: number,
    peerName: string,
    theirs: number | null,
    note: string,
  ): BenchRow => ({
    package: name,
    case: `${what}, ${size}`,
    backend: 'node',
    peer: peerName,
    ours,
    theirs,
    unit: 'ms',
    ratio: theirs === null ? null : ours / theirs,
    note,
  });
  const rows = [row('names-only scan', timings.scan.wall, '', null, 'bar: under 3000 ms')];
  if (!extractor)
    return [
      ...rows,
      row('full golden', timings.golden.wall, '', null, 'bar: under 15000 ms; api-extractor is not here'),
    ];
  const peerName = `@microsoft/api-extractor ${apiExtractorVersion}`;
  return [
    ...rows,
    row(
      'full golden',
      timings.golden.wall,
      `tsc + ${peerName}`,
      timings['emit and extract'].wall,
      'bar: under 15000 ms; from sources to report on both sides',
    ),
    row(
      'full golden',
      timings.golden.wall,
      peerName,
      timings.extract.wall,
      'theirs starts from finished typings and reports no overload behind a call',
    ),
  ];
}

/** An exported function is the function itself, so its calls cost what they cost. */
function callCost(): BenchRow {
  const plain = (x: number) => x + 1;
  const exported = tfExport(`bench.f${process.pid}`)(plain);
  if (exported !== plain) throw new Error('tfExport must return the function itself');
  return {
    package: name,
    case: 'overhead of calling an exported function',
    backend: 'node',
    peer: '',
    ours: 0,
    theirs: null,
    unit: 'ns',
    ratio: null,
    note: 'exported === original',
  };
}
