/** The data of the lab: three round Gaussians in the plane. Needs no tfjs, as the page's own thread draws it. */

export const mixture = {
  weights: [0.5, 0.3, 0.2],
  means: [
    [1, 0.5],
    [-0.8, -1],
    [-0.9, 1.1],
  ],
  deviations: [0.25, 0.35, 0.2],
} as const;

/** The density of the data at a point. */
export function density(x: number, y: number): number {
  return mixture.weights.reduce((sum, weight, k) => {
    const variance = mixture.deviations[k]! ** 2;
    const [mx, my] = mixture.means[k]!;
    return (
      sum + (weight / (2 * Math.PI * variance)) * Math.exp(-((x - mx) ** 2 + (y - my) ** 2) / (2 * variance))
    );
  }, 0);
}
