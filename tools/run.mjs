/**
 * The root's commands that are more than one program: `node tools/run.mjs <command> [arguments]`.
 * Plain JavaScript, so that it runs before anything is built.
 */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const [command, ...rest] = process.argv.slice(2);

/** Runs a program of node_modules/.bin, or node itself; the first that fails ends everything with its code. */
function run(program, args, options = {}) {
  const command = program === process.execPath ? [program] : ['npx', '--no-install', program];
  const { status, error } = spawnSync(command[0], [...command.slice(1), ...args], {
    cwd: root,
    stdio: 'inherit',
    ...options,
  });
  if (error) throw error;
  if (status !== 0) process.exit(status ?? 1);
}

/** Builds what the cache does not hold, quietly unless it fails. */
function build() {
  const { status, stdout, stderr } = spawnSync(
    'npx',
    ['--no-install', 'turbo', 'run', 'build', '--output-logs=errors-only'],
    {
      cwd: root,
      encoding: 'utf8',
    },
  );
  if (status === 0) return;
  process.stderr.write(`${stdout}${stderr}`);
  process.exit(status ?? 1);
}

function publish(command, args = rest) {
  run('tsx', ['--tsconfig', 'tsconfig.base.json', 'tools/publish/src/cli.ts', command, ...args]);
}

const commands = {
  tour() {
    build();
    // Node itself and not the program tsx, which kills a child that does not answer Ctrl-C at once.
    const env = { ...process.env, TSX_TSCONFIG_PATH: 'tour/tsconfig.json' };
    process.on('SIGINT', () => {});
    run(process.execPath, ['--import', 'tsx', 'tour/src/cli.ts', ...rest], { env });
  },
  bench() {
    build();
    run('tsx', ['--tsconfig', 'tsconfig.base.json', 'tools/bench/src/cli.ts', ...rest]);
  },
  reproduce() {
    build();
    // Ctrl-C is the program's own business: it saves first.
    process.on('SIGINT', () => {});
    run(process.execPath, ['--import', 'tsx', 'tools/reproduce/src/cli.ts', ...rest], {
      env: { ...process.env, TSX_TSCONFIG_PATH: 'tsconfig.base.json' },
    });
  },
  golden() {
    build();
    run('tsx', ['--tsconfig', 'tools/tsconfig.source.json', 'tools/golden/src/cli.ts', ...rest]);
  },
  'release-dry'() {
    build();
    publish('release-dry');
  },
  readme() {
    publish('readme');
  },
  soak() {
    build();
    publish('soak');
  },
  check() {
    run('biome', ['check', '--error-on-warnings']);
    run('turbo', ['run', 'build', '--output-logs=errors-only']);
    run('tsc', ['-p', 'tsconfig.json']);
    run(process.execPath, ['packages/tf-export-decorator/dist/cli/main.js', 'check']);
    run('turbo', ['run', 'publint', 'attw', 'size', '--output-logs=errors-only']);
    publish('gates', []);
    run('knip', ['--no-config-hints', '--exclude', 'optionalPeerDependencies']);
  },
};

if (!commands[command]) {
  console.error(`tools/run.mjs: unknown command '${command}', expected ${Object.keys(commands).join(', ')}`);
  process.exit(2);
}
commands[command]();
