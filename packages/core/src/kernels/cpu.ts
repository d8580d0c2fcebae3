/** What the cpu backend has wrong, replaced. */
import { applyPatch, replaceKernels } from '../patches';
import { compositionKernels, einsum } from './compositions';

const kernels = compositionKernels('cpu', { Einsum: einsum });

export function applyCpuKernels(): void {
  applyPatch('kernels/cpu', () => replaceKernels(kernels));
}
