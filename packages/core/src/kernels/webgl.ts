/** What the webgl backend has wrong, replaced. */
import { applyPatch, replaceKernels } from '../patches';
import { compositionKernels, einsum } from './compositions';

const kernels = compositionKernels('webgl', { Einsum: einsum });

/** Adds the kernels that the webgl backend lacks; what is in force stays. */
export function applyWebglKernels(): void {
  applyPatch('kernels/webgl', () => replaceKernels(kernels));
}
