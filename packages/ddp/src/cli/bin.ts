#!/usr/bin/env node
import { isTfkitError } from '@tfkit/core';
import { main } from './run';

main(process.argv.slice(2)).then(
  (code) => process.exit(code),
  (error) => {
    process.stderr.write(`${isTfkitError(error) ? error.message : (error as Error).stack}\n`);
    process.exit(2);
  },
);
