/** Reads the arguments and runs the command. */
import { parseArgs } from 'node:util';
import { InputError, messageOf } from '../node/problems';
import { type Command, commands, type Flags, usage } from './commands';

const options = {
  help: { type: 'boolean', short: 'h' },
  cwd: { type: 'string' },
  json: { type: 'boolean' },
  md: { type: 'boolean' },
  check: { type: 'boolean' },
  update: { type: 'boolean' },
  'write-exports': { type: 'boolean' },
  base: { type: 'string' },
  strict: { type: 'boolean' },
  fix: { type: 'boolean' },
  budget: { type: 'string' },
} as const;

/** The exit code. 0: fine; 1: findings; 2: usage, configuration or unreadable input. Prints to the console. */
export async function run(args: string[]): Promise<number> {
  let parsed: { values: Flags; positionals: string[] };
  try {
    parsed = parseArgs({ args, options, allowPositionals: true, strict: true });
  } catch (error) {
    return refuse(`${messageOf(error).split('\n')[0]} See tf-export --help.`);
  }
  const { values, positionals } = parsed;
  const [name, ...rest] = positionals;
  if (values.help || name === undefined) {
    console.log(usage);
    return values.help ? 0 : 2;
  }
  const command: Command | undefined = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (!command) return refuse(`unknown command "${name}"; known are ${Object.keys(commands).join(', ')}`);
  const stray = Object.keys(values).find(
    (flag) => flag !== 'cwd' && !command.flags.includes(flag as keyof Flags),
  );
  if (stray) return refuse(`${name} has no option --${stray}`);
  if (rest.length !== command.arguments) {
    return refuse(`${name} takes ${command.arguments} arguments, got ${rest.length}; see tf-export --help`);
  }
  try {
    return await command.run(values.cwd ?? process.cwd(), values, rest);
  } catch (error) {
    if (error instanceof InputError) return refuse(error.message);
    throw error;
  }
}

function refuse(message: string): number {
  console.error(`tf-export: ${message}`);
  return 2;
}
