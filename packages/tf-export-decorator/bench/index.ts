/**
 * Names-only scan and full golden of 1,000 symbols, each in a process of its own with the compiler's start included,
 * beside api-extractor on the same package. api-extractor reads typings, so the `tsc` run that makes them is its first
 * step; a row without that step is given too.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { alternate, type BenchContext, type BenchRow, median } from '@tfkit/bench';
import { tfExport } from '@tfkit/tf-export-decorator';
import { apiExtractorVersion, installApiExtractor } from './peers';
import { writePackage } from './synthetic';

const name = 'tf-export-decorator';
const root = resolve(import.meta.dirname, '..', '..', '..');
/** Makes a Node process write its CPU time in ms to the file of TFX_CPU when it ends. */
const cpuHook = `data:text/javascript,${encodeURIComponent("import { writeFileSync } from 'node:fs'; process.on('exit', () => { const { user, system } = process.cpuUsage(); writeFileSync(process.env.TFX_CPU, String((user + system) / 1000)); });")}`;
const cli = join(root, 'packages', name, 'dist', 'cli', 'main.js');

export default async function bench({ quick, log }: BenchContext): Promise<BenchRow[]> {
  const folder = mkdtempSync(join(tmpdir(), 'tfx-bench-'));
  try {
    const [files, perFile] = quick ? [5, 10] : [50, 20];
    writePackage(folder, files, perFile);
    symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'), 'dir');
    const rows = await timeTools(folder, `${files * perFile} symbols in ${files} files`, quick ? 1 : 2, log);
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
  const cpu = new Map<string, number[]>();
  const run = (program: string, args: string[], accepted: readonly number[] = [0]): number => {
    const report = join(folder, 'cpu.txt');
    const { status, stderr, stdout } = spawnSync(process.execPath, ['--import', cpuHook, program, ...args], {
      cwd: folder,
      encoding: 'utf8',
      maxBuffer: 1 << 28,
      env: { ...process.env, TFX_CPU: report },
    });
    if (!accepted.includes(status ?? -1))
      throw new Error(`${program} ${args.join(' ')}: ${stderr || stdout}`);
    return Number(readFileSync(report, 'utf8'));
  };
  const measured = (key: string, work: () => number) => () => {
    cpu.set(key, [...(cpu.get(key) ?? []), work()]);
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
      scan: measured('scan', () => run(cli, ['scan', '--json'])),
      golden: measured('golden', () => run(cli, ['golden', '--update'])),
      ...(extractor
        ? {
            extract: measured('extract', () => run(extractor, ['run', '--local'], [0, 1])),
            'emit and extract': measured(
              'emit and extract',
              () => run(tsc, ['-p', '.']) + run(extractor, ['run', '--local'], [0, 1]),
            ),
          }
        : {}),
    } as Record<'scan' | 'golden' | 'extract' | 'emit and extract', () => void>,
    rounds,
  );
  const rows = (
    what: string,
    key: keyof typeof timings,
    peerKey: keyof typeof timings | '',
    peerName: string,
    note: string,
  ) =>
    (['wall', 'CPU'] as const).map((clock): BenchRow => {
      const of = (name: keyof typeof timings) =>
        clock === 'wall' ? timings[name].wall : median(cpu.get(name) ?? []);
      const ours = of(key);
      const theirs = peerKey === '' ? null : of(peerKey);
      return {
        package: name,
        case: `${what}, ${size}, ${clock} time`,
        backend: 'node',
        peer: peerName,
        ours,
        theirs,
        unit: 'ms',
        ratio: theirs === null ? null : ours / theirs,
        note,
      };
    });
  const scanned = rows('names-only scan', 'scan', '', '', 'bar: under 3000 ms on 2 free cores');
  const bar = 'bar: under 15000 ms on 2 free cores';
  if (!extractor)
    return [...scanned, ...rows('full golden', 'golden', '', '', `${bar}; api-extractor is not here`)];
  const peerName = `@microsoft/api-extractor ${apiExtractorVersion}`;
  const finished = 'theirs starts from finished typings and reports no overload behind a call';
  return [
    ...scanned,
    ...rows(
      'full golden',
      'golden',
      'emit and extract',
      `tsc + ${peerName}`,
      `${bar}; from sources to report on both sides`,
    ),
    ...rows('full golden', 'golden', 'extract', peerName, finished),
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
