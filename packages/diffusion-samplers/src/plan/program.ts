/** A plan's program: the objects that a reader sees are made where they are looked at. */
import type { Level } from '../level';
import type { Limit } from '../prediction';
import type { Form } from './forms';
import type { Instruction, Plan, PlanStep } from './types';
import {
  after,
  combineOp,
  endOp,
  header,
  limitOp,
  liveOp,
  modelOp,
  names,
  noiseOp,
  releaseOp,
} from './words';

/** Steps by index, made one at a time; an array of steps is that as well. */
export interface Steps {
  readonly length: number;
  at(index: number): PlanStep | undefined;
}

/** What the words of a program mean. */
export interface Program {
  readonly words: readonly number[];
  /** Where each step begins. */
  readonly starts: readonly number[];
  readonly levels: readonly Level[];
  readonly limit: Limit | undefined;
}

/** The step that begins at `at`; `freeze` is given each object in it. */
function stepAt({ words, levels, limit }: Program, at: number, freeze: <T>(value: T) => T): PlanStep {
  const instructions: Instruction[] = [];
  let release = none;
  let live = none;
  for (; ; at = after(words, at)) {
    const [op, output, extra] = [words[at]!, words[at + 1]!, words[at + 2]!];
    const terms = formAt(words, at, freeze);
    const level = (index: number) => freeze(levels[index]!);
    if (op === releaseOp) release = freeze(registersOf(terms));
    else if (op === liveOp) live = freeze(registersOf(terms));
    else if (op === endOp) {
      const [from, to] = [level(extra), level(extra + 1)];
      const ends = { state: output, preview: terms, live, release };
      return freeze({ from, to, instructions: freeze(instructions), ...ends });
    } else {
      const instruction: Record<string, unknown> = { op: names[op as 0], output };
      if (op === combineOp) instruction.terms = terms;
      else if (op === noiseOp) instruction.draw = extra;
      else instruction.input = terms[0]![0];
      if (op === modelOp) instruction.level = level(extra);
      if (op === limitOp) instruction.limit = limit;
      if (release !== none) instruction.release = release;
      instructions.push(freeze(instruction as unknown as Instruction));
      release = none;
    }
  }
}

const none: readonly number[] = Object.freeze([]);

const registersOf = (terms: Form): readonly number[] => terms.map(([register]) => register);

function formAt(words: readonly number[], at: number, freeze: <T>(value: T) => T): Form {
  const form: (readonly [number, number])[] = [];
  for (let word = at + header; word < after(words, at); word += 2) {
    form.push(freeze([words[word]!, words[word + 1]!] as const));
  }
  return freeze(form);
}

const made = new WeakMap<Plan, Steps>();

/** A plan whose `steps` are made when they are read; all of it is frozen. */
export function planOf(facts: Omit<Plan, 'steps'>, program: Program): Plan {
  const { starts } = program;
  let all: readonly PlanStep[] | undefined;
  const plan: Plan = Object.freeze({
    ...facts,
    get steps() {
      all ??= Object.freeze(starts.map((start) => stepAt(program, start, Object.freeze)));
      return all;
    },
  });
  // Nobody sees those of the engine; to freeze them would take as long as a step.
  made.set(plan, { length: starts.length, at: (index) => stepAt(program, starts[index]!, (value) => value) });
  return plan;
}

/** The steps of a plan, without making them all: also of one that was read from JSON. */
export const stepsOf = (plan: Plan): Steps => made.get(plan) ?? plan.steps;
