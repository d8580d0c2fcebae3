import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';

/** The built file of a worker. By the package's own name, since a worker is a module of its own wherever this one is bundled. */
export function workerFile(name: 'rank' | 'comm' | 'mpi'): URL {
  return pathToFileURL(createRequire(import.meta.url).resolve(`@tfkit/ddp/worker/${name}`));
}
