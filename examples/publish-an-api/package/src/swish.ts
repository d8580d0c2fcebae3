/**
 * x times the sigmoid of x.
 *
 * @tfExport nn.swish, nn.silu
 */
export function swish(x: number): number {
  return x / (1 + Math.exp(-x));
}
