/** `tsx tools/publish/src/cli.ts release-dry | gates | readme | soak [arguments]`, as tools/run.mjs calls it. */
const [command, ...args] = process.argv.slice(2);

const commands: Record<string, () => Promise<number>> = {
  'release-dry': async () => (await import('./release')).releaseDry(args.includes('--contents')),
  gates: async () => (await import('./gates')).runGates(),
  readme: async () => (await import('./readme')).readme(args.includes('--check')),
  soak: async () => (await import('./soak')).soak(args),
};

const chosen = commands[command ?? ''];
if (!chosen) {
  console.error(`publish: unknown command '${command}', expected ${Object.keys(commands).join(', ')}`);
  process.exit(2);
}
chosen().then(
  (code) => process.exit(code),
  (error) => {
    console.error(error instanceof Error ? (error.stack ?? error.message) : error);
    process.exit(1);
  },
);
