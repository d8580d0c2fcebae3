/** The public API of tfkit as a table, read from the sources, and what a planted break asks of a release. */
import { fileURLToPath } from 'node:url';
import {
  type Change,
  createGolden,
  diffGoldens,
  type Form,
  type Golden,
  goldenMarkdown,
  requiredBump,
  workspacePackages,
} from '@tfkit/tf-export-decorator/node';
import { type Block, scores, table, text } from '../report/blocks';
import type { Stage, StageContext } from '../stage';

const root = fileURLToPath(new URL('../../..', import.meta.url));

export const stage: Stage = {
  name: 'tf-export-decorator',
  title: 'The public API, and a break that is caught',
  method:
    'Each package declares its names; a scan of the sources and the TypeScript checker turn them into a golden of the API, and the difference of two goldens into the level that semantic versioning asks of the next release.',
  paper: {
    citation: 'Abadi et al.: TensorFlow: A System for Large-Scale Machine Learning, OSDI 2016',
    url: 'https://www.usenix.org/conference/osdi16/technical-sessions/presentation/abadi',
  },
  package: '@tfkit/tf-export-decorator',
  budget: 20,
  needs: [],
  run,
};

async function run(context: StageContext): Promise<readonly Block[]> {
  const packages = workspacePackages(root).slice(0, context.quick ? 2 : undefined);
  const goldens: Golden[] = [];
  for (const { folder, name } of packages) {
    await context.progress(goldens.length / packages.length, `reading ${name}`);
    goldens.push(createGolden(folder));
  }
  await context.progress(0.95, 'planting a break');
  const planted = goldens.flatMap((golden) => plantBreak(golden) ?? []).at(0);
  const names = goldens.reduce((sum, golden) => sum + Object.keys(golden.exports).length, 0);
  return [
    scores(
      { label: 'packages', value: String(goldens.length) },
      { label: 'public names', value: String(names) },
      { label: 'release that the planted break needs', value: planted?.required ?? 'none found' },
    ),
    apiTable(goldens),
    ...(planted ? [changesTable(planted)] : []),
    namesTable(goldens),
  ];
}

const kinds: readonly Form['kind'][] = ['function', 'class', 'interface', 'type', 'enum', 'constant'];

const kindOf = (golden: Golden, id: string): string => golden.declarations[id]?.forms[0]?.kind ?? 're-export';

function apiTable(goldens: readonly Golden[]): Block {
  const rows = goldens.map((golden) => {
    const entries = Object.entries(golden.exports);
    const points = new Set(entries.map(([name]) => name.slice(0, name.indexOf('#'))));
    const count = (kind: string) =>
      entries.filter(([, { declaration }]) => kindOf(golden, declaration) === kind).length;
    return [golden.package, points.size, entries.length, ...kinds.map(count)];
  });
  return table({
    columns: ['package', 'entry points', 'names', ...kinds],
    rows,
    caption: 'What each package exports, by kind. A re-export of another package counts as a name alone.',
  });
}

interface Planted {
  readonly name: string;
  readonly changes: readonly Change[];
  readonly required: string;
}

/** The golden's first function with an optional parameter, with that parameter made required. */
function plantBreak(golden: Golden): Planted | undefined {
  const changed: Golden = structuredClone(golden);
  for (const [name, { declaration }] of Object.entries(changed.exports)) {
    for (const form of changed.declarations[declaration]?.forms ?? []) {
      const parameter =
        form.kind === 'function' && form.signatures[0]?.parameters.find(({ optional }) => optional);
      if (!parameter) continue;
      delete (parameter as { optional?: true }).optional;
      const changes = diffGoldens(golden, changed, { folder: root });
      return { name: `${golden.package} ${name}`, changes, required: requiredBump(changes) };
    }
  }
  return undefined;
}

function changesTable({ name, changes }: Planted): Block {
  return table({
    columns: ['level', 'name', 'change'],
    rows: changes.map((change) => [change.level, change.name, change.text]),
    caption: `An optional parameter of ${name} made required, as the check reports it.`,
  });
}

/** Every name with its signature, a line each, as the readable goldens have them. */
function namesTable(goldens: readonly Golden[]): Block {
  const rows = goldens.flatMap((golden) =>
    goldenMarkdown(golden)
      .split('\n## ')
      .slice(1)
      .flatMap((section) => {
        const [title = '', ...lines] = section.split('\n');
        const shown = lines.filter((line) =>
          /^(\/\*\* |abstract |class |const |enum |function |interface |type )/.test(line),
        );
        return shown.map((line) => [
          golden.package,
          title,
          line.length > 160 ? `${line.slice(0, 157)}...` : line,
        ]);
      }),
  );
  return rows.length > 0
    ? table({
        columns: ['package', 'entry point', 'declaration'],
        rows,
        caption: 'The API table of tfkit.',
        collapsed: true,
      })
    : text('No package has a public name.');
}
