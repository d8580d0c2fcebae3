import type { GoldenOp } from './format';

export const protocolOps: Readonly<Record<string, GoldenOp>> = {};
