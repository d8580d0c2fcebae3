/** What a plan is: an immutable program over numbered registers, plain JSON. */
import type { Level } from '../level';
import type { Limit, PredictionType } from '../prediction';
import type { Form } from './forms';

/** One instruction of a plan, on numbered registers: a model call, a linear combination, or a limit. */
export type Instruction =
  /** Runs the model on a register. */
  | ({
      readonly op: 'model';
      readonly input: number;
      readonly output: number;
      readonly level: Level;
    } & Release)
  /** Fills a register with the numbered draw of standard normal noise. */
  | ({ readonly op: 'noise'; readonly output: number; readonly draw: number } & Release)
  /** output = sum coefficient * register, in one pass. */
  | ({ readonly op: 'combine'; readonly output: number; readonly terms: Form } & Release)
  /** Clips an x0 estimate. */
  | ({
      readonly op: 'limit';
      readonly input: number;
      readonly output: number;
      readonly limit: Limit;
    } & Release);

interface Release {
  /** Registers that nothing reads after this instruction; it may write its output in the place of one. */
  readonly release?: readonly number[];
}

/** One step of a plan: from a level to the next, and the instructions between. */
export interface PlanStep {
  /** Level at which the step starts and level that the state has after it. */
  readonly from: Level;
  readonly to: Level;
  readonly instructions: readonly Instruction[];
  /** The register that holds the state after the step. */
  readonly state: number;
  /** The x0 estimate of the step's last model call, as a combination of registers. */
  readonly preview: Form;
  /** Registers that later steps read. */
  readonly live: readonly number[];
  /** Registers free once the preview has been taken. */
  readonly release: readonly number[];
}

/** A compiled run. Frozen, and equal to what `JSON.parse(JSON.stringify(plan))` gives. */
export interface Plan {
  readonly format: 'tfkit-diffusion-plan-1';
  readonly solver: string;
  readonly schedule: string;
  readonly grid: string;
  readonly prediction: PredictionType;
  /** Standard deviation of the initial state when it is drawn. */
  readonly initialScale: number;
  /** How many registers the steps use; register 0 holds the initial state. */
  readonly registers: number;
  /** Calls of the model in the whole run (NFE). */
  readonly modelCalls: number;
  /** Draws of noise in the whole run, those with factor 0 counted. */
  readonly draws: number;
  readonly steps: readonly PlanStep[];
}
