/** Vite turns `import address from 'file?url'` into the address of the asset. */
declare module '*?url' {
  const address: string;
  export default address;
}

interface ImportMeta {
  /** Vite replaces the call by the files of a pattern; the argument has to be written out. */
  glob(pattern: string, options: { eager: true; import: 'default' }): Record<string, unknown>;
}
