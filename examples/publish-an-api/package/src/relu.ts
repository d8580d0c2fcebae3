/**
 * The larger of x and 0, not above `max`.
 *
 * @tfExport nn.relu
 */
export function relu(x: number, max = Number.POSITIVE_INFINITY): number {
  return Math.min(Math.max(x, 0), max);
}
