/** The stages of the tour, in the order in which they run. */
import type { Stage } from '../stage';

export const stages: readonly Stage[] = [];
