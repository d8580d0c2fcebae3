/** What a solver is: it writes the steps of a plan. */
import type { PlanBuilder } from '../plan/builder';

/** A method that writes a plan's instructions. */
export interface Solver {
  readonly name: string;
  /** As they were given, with defaults filled in. */
  readonly options: object;
  build(b: PlanBuilder): void;
}
