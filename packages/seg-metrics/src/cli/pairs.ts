/** Which prediction belongs to which target. */
import { readdirSync, statSync } from 'node:fs';
import { join, relative, sep } from 'node:path';
import { OptionError } from '@tfkit/core';

export interface Pair {
  readonly name: string;
  /** Undefined: missing, and allowed to be. */
  readonly prediction: string | undefined;
  readonly target: string;
}

export interface Pairing {
  readonly pairs: readonly Pair[];
  /** One line for each file without its counterpart, or with two. */
  readonly problems: readonly string[];
}

const endings = /\.(png|nii|nii\.gz|npy)$/i;

/** Pairs files by relative path without ending and suffix; Cityscapes' own suffixes are known. */
export function pairFiles(
  prediction: string,
  target: string,
  options: { predictionSuffix: string; targetSuffix: string; allowMissing: boolean },
): Pairing {
  const kind = (path: string, side: string) => {
    try {
      return statSync(path).isDirectory() ? 'folder' : 'file';
    } catch {
      throw new OptionError(
        `seg-metrics: ${side} must be a folder or file, got '${path}', which does not exist.`,
      );
    }
  };
  const kinds = [kind(prediction, 'PRED'), kind(target, 'GT')];
  if (kinds[0] !== kinds[1]) {
    throw new OptionError(
      `seg-metrics: PRED and GT must both be folders or both files, got a ${kinds.join(' and a ')}.`,
    );
  }
  if (kinds[0] === 'file') {
    return { pairs: [{ name: stem(target, options.targetSuffix), prediction, target }], problems: [] };
  }
  const problems: string[] = [];
  const predictions = byStem(prediction, options.predictionSuffix, problems);
  const targets = byStem(target, options.targetSuffix, problems);
  const pairs: Pair[] = [];
  for (const [name, file] of targets) {
    const match = predictions.get(name);
    if (!match && !options.allowMissing) problems.push(`${file}: no prediction '${name}' in ${prediction}`);
    else pairs.push({ name, prediction: match, target: file });
  }
  for (const [name, file] of predictions) {
    if (!targets.has(name)) problems.push(`${file}: no target '${name}' in ${target}`);
  }
  if (targets.size === 0) problems.push(`${target}: no PNG, NIfTI or npy files`);
  return { pairs, problems };
}

function byStem(folder: string, suffix: string, problems: string[]): Map<string, string> {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => !entry.isDirectory() && endings.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
  const found = new Map<string, string>();
  for (const file of files) {
    const name = stem(relative(folder, file).split(sep).join('/'), suffix);
    if (found.has(name)) problems.push(`${file}: the same name as ${found.get(name)}`);
    else found.set(name, file);
  }
  return found;
}

function stem(file: string, suffix: string): string {
  const base = file.replace(endings, '');
  if (suffix && base.endsWith(suffix)) return base.slice(0, -suffix.length);
  return base.replace(/_(leftImg8bit|gtFine_label(Train)?Ids|gtFine_color)$/, '');
}
