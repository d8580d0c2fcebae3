/** The compiled `assembly/` as base64: for a memory of one thread, and for the shared memory of tfjs' threaded build. */
export { plain, shared } from 'wasm-kernels';
