import { defineConfig } from 'vite';

export default defineConfig({
  // Relative addresses: the folder works under any path.
  base: './',
  worker: { format: 'es' },
  build: {
    target: 'es2022',
    // The wasm binaries stay files, which the browser compiles while they arrive.
    assetsInlineLimit: 0,
    // The backends are large, and loaded only when chosen.
    chunkSizeWarningLimit: 1500,
  },
});
