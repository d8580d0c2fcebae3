/** The compiled `assembly/` as base64; it imports a shared memory. */
import { shared } from 'wasm-kernels';

/** The reductions compiled for shared memory, base64. */
export const module: string = shared;
