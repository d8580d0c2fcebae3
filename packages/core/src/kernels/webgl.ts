/** What the webgl backend has wrong, replaced. */
import { applyPatch, replaceKernels } from '../patches';
import { compositionKernels, einsum } from './compositions';

const kernels = compositionKernels('webgl', { Einsum: einsum });

export function applyWebglKernels(): void {
  applyPatch('kernels/webgl', () => replaceKernels(kernels));
}
