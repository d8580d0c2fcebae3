/** The compiled `assembly/` as base64; it imports a shared memory. */
import { shared } from 'wasm-kernels';

export const module: string = shared;
