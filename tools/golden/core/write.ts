/**
 * Writes what the Python scripts beside this file check:
 *
 *   npx tsx --tsconfig tools/tsconfig.source.json tools/golden/core/write.ts FOLDER
 *   python random_table.py compare FOLDER/normals.f32
 *   python safetensors_files.py verify FOLDER
 */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gaussianOf } from '../../../packages/core/src/random/gaussian';
import { decodeSafetensors, encodeSafetensors, toTypedArray } from '../../../packages/core/src/weights';
import { malformedFiles } from '../../../packages/core/test/malformedFiles';

const folder = process.argv[2] as string;
const fixtures = fileURLToPath(new URL('../../../packages/core/test/golden/safetensors/', import.meta.url));
mkdirSync(folder, { recursive: true });
writeFileSync(
  join(folder, 'normals.f32'),
  Float32Array.from({ length: 2 ** 23 }, (_, i) => gaussianOf(i)),
);
for (const name of readdirSync(fixtures).filter((file) => file.endsWith('.safetensors'))) {
  const { tensors, metadata } = decodeSafetensors(readFileSync(join(fixtures, name)));
  const inputs = [...tensors].map(([key, entry]) => {
    const { dtype, shape } = entry;
    return [key, { dtype, shape, data: toTypedArray(entry) }] as const;
  });
  const hasMetadata = Object.keys(metadata).length > 0;
  writeFileSync(join(folder, name), encodeSafetensors(new Map(inputs), hasMetadata ? { metadata } : {}));
}
for (const [title, [bytes]] of Object.entries(malformedFiles)) {
  writeFileSync(join(folder, `malformed-${title.replaceAll(/\W+/g, '-')}.safetensors`), bytes);
}
