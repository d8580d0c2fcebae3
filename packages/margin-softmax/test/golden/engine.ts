import type { GoldenOp } from './format';

export const engineOps: Readonly<Record<string, GoldenOp>> = {};
