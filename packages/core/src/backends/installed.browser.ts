/** In a browser nothing is imported unasked: the bundler sees only the loaders that the page passes. */
import type { BackendLoader } from './loader';

export const installedBackends: readonly BackendLoader[] = [];
