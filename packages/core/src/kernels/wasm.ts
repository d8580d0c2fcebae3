/** Kernels that the wasm backend lacks, as compositions of those it has. */
export function registerWasmKernels(): void {}
