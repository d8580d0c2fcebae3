/** How often a long run shows what it has so far. */
export interface Pace {
  /** Whether it is time to look again. */
  due(): boolean;
  /** Looks, and sets when the next look is due. */
  spend<T>(look: () => Promise<T>): Promise<T>;
}

/** Looking takes at most this share of the time, however slow the backend. */
export function createPace(share = 0.2): Pace {
  let next = 0;
  return {
    due: () => performance.now() >= next,
    async spend(look) {
      const start = performance.now();
      const result = await look();
      const end = performance.now();
      next = end + Math.max(50, (end - start) * (1 / share - 1));
      return result;
    },
  };
}
