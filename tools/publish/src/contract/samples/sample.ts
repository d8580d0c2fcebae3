/** Makes fresh valid arguments, or says why the function is left out. By `entry#name`. */
export type Samples = Readonly<Record<string, (() => unknown[]) | string>>;
