/** Vite turns `import address from 'file?url'` into the address of the asset. */
declare module '*?url' {
  const address: string;
  export default address;
}
