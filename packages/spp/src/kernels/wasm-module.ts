/** The compiled `assembly/` as base64: for a memory of one thread, and for the shared memory of tfjs' threaded build. */
import * as compiled from 'wasm-kernels';

export const plain: string = compiled.plain;
export const shared: string = compiled.shared;
