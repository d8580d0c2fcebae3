import { readFileSync } from 'node:fs';
import { OptionError } from '@tfkit/core';

/** Cityscapes label ids to the 19 train ids; all other ids are ignored. Source: cityscapesScripts, helpers/labels.py. */
const cityscapes = Object.fromEntries(
  [7, 8, 11, 12, 13, 17, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 31, 32, 33].map((id, trainId) => [
    id,
    trainId,
  ]),
);

/** A label map by name, or of a JSON file {"from": to}; undefined if none is asked for. */
export function labelTable(option: string, name: string | undefined): Record<number, number> | undefined {
  if (name === undefined) return undefined;
  if (name === 'cityscapes') return cityscapes;
  try {
    const entries = Object.entries(JSON.parse(readFileSync(name, 'utf8')) as Record<string, number>);
    if (entries.every(([from, to]) => Number.isInteger(Number(from)) && Number.isInteger(to))) {
      return Object.fromEntries(entries);
    }
  } catch {
    // Told below.
  }
  throw new OptionError(
    `seg-metrics: --${option} must be 'cityscapes' or a JSON file {"from": to} of whole numbers, got '${name}'.`,
  );
}
