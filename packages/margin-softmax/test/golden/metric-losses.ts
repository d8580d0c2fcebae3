import type { GoldenOp } from './format';

export const metricLossOps: Readonly<Record<string, GoldenOp>> = {};
