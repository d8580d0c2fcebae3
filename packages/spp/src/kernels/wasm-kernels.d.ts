/** Made by scripts/wasm-kernels.ts at build time. */
declare module 'wasm-kernels' {
  export const plain: string;
  export const shared: string;
}
