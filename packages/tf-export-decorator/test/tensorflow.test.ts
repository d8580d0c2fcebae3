import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import adapter from './golden';

const document = JSON.parse(
  readFileSync(new URL('./golden/tf-exports-sample.json', import.meta.url), 'utf8'),
);
const check = (changed: object) =>
  adapter.check({ name: 'case', document: changed, folder: '', backend: 'cpu' });

describe("TensorFlow's export table", () => {
  it('gives the same canonical names, V1 names and namespaces, and no duplicate', async () => {
    expect(document.exports.length).toBeGreaterThanOrEqual(100);
    await expect(check(document)).resolves.toBeUndefined();
  });

  it('is compared with its namespaces, sample rows of a split table included', async () => {
    const rows = document.exports.slice(0, 50);
    const modules = (version: 'v1' | 'v2') => {
      const spaces: Record<string, string[]> = {};
      for (const row of document.exports) {
        for (const name of row[version]) {
          const at = name.lastIndexOf('.');
          const space = name.slice(0, Math.max(at, 0));
          spaces[space] = [...(spaces[space] ?? []), name.slice(at + 1)];
        }
      }
      return spaces;
    };
    const good = { exports: rows, publicModulesV2: modules('v2'), publicModulesV1: modules('v1') };
    await expect(check(good)).resolves.toBeUndefined();
    const extra = { ...good, publicModulesV2: { ...modules('v2'), nn: ['relu', 'no_such_op'] } };
    await expect(check(extra)).rejects.toThrow('v2 namespace "nn"');
  });

  it('fails when a name is given twice or comes out otherwise', async () => {
    const [first, ...rest] = document.exports;
    const twice = { exports: [first, ...rest, { ...first, q: 'again' }] };
    await expect(check(twice)).rejects.toThrow('TFX004');
    const index = document.exports.findIndex((row: { canonical: string | null }) => row.canonical !== null);
    const wrong = document.exports.map((row: object, at: number) =>
      at === index ? { ...row, canonical: 'other' } : row,
    );
    await expect(check({ exports: wrong })).rejects.toThrow('canonical: expected "other"');
  });
});
