/**
 * tfjs-node 4.22 calls helpers of `node:util` that Node 23 removed. Puts them back, with the meaning they had, where
 * they are missing; does nothing elsewhere.
 */
export function restoreUtil(util: Record<string, unknown>): void {
  util.isNullOrUndefined ??= (value: unknown) => value === null || value === undefined;
  util.isArray ??= Array.isArray;
}

export async function repairNodeUtil(): Promise<void> {
  if (typeof process === 'undefined' || !process.versions?.node) return;
  const { default: util } = await import('node:util');
  restoreUtil(util as unknown as Record<string, unknown>);
}
