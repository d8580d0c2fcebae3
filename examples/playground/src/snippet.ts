/** What the code shown by the labs has in common. */
import type { Backend } from './worker/protocol';

/** The lines that choose a backend by `@tfkit/core`. */
export const backendImports = (backend: Backend): string =>
  `import { ${backend} } from '@tfkit/core/backends/${backend}';
import { ensureGradients, ensureKernels, selectBackend } from '@tfkit/core/tfjs';`;

export const backendSetup = (backend: Backend): string =>
  `await selectBackend({ require: '${backend}', backends: [${backend}] });
await ensureGradients();
await ensureKernels();`;

/** An option list such as `{ margin: 0.2, scale: 16 }`, empty for none. */
export function options(values: Readonly<Record<string, unknown>>): string {
  const parts = Object.entries(values).map(
    ([key, value]) => `${key}: ${typeof value === 'string' ? `'${value}'` : JSON.stringify(value)}`,
  );
  return parts.length === 0 ? '' : `{ ${parts.join(', ')} }`;
}
