/** The compiled `assembly/` as base64: for a memory of one thread, and for the shared memory of tfjs' threaded build. */
import * as compiled from 'wasm-kernels';

/** The module for unshared memory, base64. */
export const plain: string = compiled.plain;
/** The module for shared memory, which tfjs' threads use, base64. */
export const shared: string = compiled.shared;
