import { readFile } from 'node:fs/promises';
import { expect, it } from 'vitest';
import { compiledSource } from '../scripts/wasm';

it('has the SIMD module that assembly/ compiles to', async () => {
  const committed = await readFile(new URL('../src/engine/wasmCode.ts', import.meta.url), 'utf8');
  const code = (text: string) => /'([A-Za-z0-9+/=]+)'/.exec(text)?.[1];
  expect(code(committed)).toBe(code(await compiledSource()));
});
