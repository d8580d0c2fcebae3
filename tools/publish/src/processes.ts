/** Running other programs: their output as text, a failure as one error that says what was run and what it printed. */
import { execFile } from 'node:child_process';

export interface RunOptions {
  readonly cwd?: string;
  /** Added to the environment. */
  readonly env?: Readonly<Record<string, string>>;
  /** Milliseconds. Default five minutes. */
  readonly timeout?: number;
}

/** Resolves with what the program printed; rejects with its output if it ends with another code than 0. */
export function run(program: string, args: readonly string[], options: RunOptions = {}): Promise<string> {
  const { cwd, env = {}, timeout = 300_000 } = options;
  return new Promise((resolve, reject) => {
    const settings = { cwd, env: { ...plainEnvironment(), ...env }, timeout, maxBuffer: 1 << 26 };
    execFile(program, [...args], settings, (error, stdout, stderr) => {
      if (!error) return resolve(stdout);
      const output = `${stdout}${stderr}`.trim().split('\n').slice(-40).join('\n');
      reject(
        new Error(`${[program, ...args].join(' ')} in ${cwd ?? '.'} failed (${error.code}):\n${output}`),
      );
    });
  });
}

/** The environment without what `npm run` and vitest put there: a nested npm would take this repository's settings. */
function plainEnvironment(): NodeJS.ProcessEnv {
  const entries = Object.entries(process.env).filter(
    ([name]) => !/^(npm_|INIT_CWD|VITEST|NODE_ENV$|NODE_OPTIONS$|NODE_PATH$|TFKIT_BACKEND$)/i.test(name),
  );
  return Object.fromEntries(entries);
}
