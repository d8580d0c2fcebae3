/** `@tfkit/core/weights/node`: writing files whole or not at all. */
import { randomUUID } from 'node:crypto';
import { open, rename, rm } from 'node:fs/promises';

/**
 * Writes a file so that a crash never leaves half of it: to a temporary file beside it, flushed to disk, then renamed.
 *
 * @throws the error of the file system; the temporary file is removed and an older file of that name stays.
 * @example
 * await writeFileAtomic('run.safetensors', await saveCheckpoint({ variables, optimizer, step }));
 */
export async function writeFileAtomic(path: string, bytes: Uint8Array): Promise<void> {
  const temporary = `${path}.${randomUUID()}.tmp`;
  try {
    const file = await open(temporary, 'wx');
    try {
      await file.writeFile(bytes);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}
