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

/** The step that begins at `at`. */
function stepAt({ words, levels, limit }: Program, at: number): PlanStep {
  const instructions: Instruction[] = [];
  let release = none;
  let live = none;
  for (; ; at = after(words, at)) {
    const [op, output, extra] = [words[at]!, words[at + 1]!, words[at + 2]!];
    const terms = formAt(words, at);
    const level = (index: number) => Object.freeze(levels[index]!);
    if (op === releaseOp) release = registersOf(terms);
    else if (op === liveOp) live = registersOf(terms);
    else if (op === endOp) {
      const [from, to] = [level(extra), level(extra + 1)];
      const ends = { state: output, preview: terms, live, release };
      return Object.freeze({ from, to, instructions: Object.freeze(instructions), ...ends });
    } else {
      const instruction = {
        ...{ op: names[op as 0], output },
        ...(op === combineOp ? { terms } : op === noiseOp ? { draw: extra } : { input: terms[0]![0] }),
        ...(op === modelOp && { level: level(extra) }),
        ...(op === limitOp && { limit }),
        ...(release.length > 0 && { release }),
      } as Instruction;
      instructions.push(Object.freeze(instruction));
      release = none;
    }
  }
}

const none: readonly number[] = Object.freeze([]);

const registersOf = (terms: Form): readonly number[] => Object.freeze(terms.map(([register]) => register));

function formAt(words: readonly number[], at: number): Form {
  const form: (readonly [number, number])[] = [];
  for (let word = at + header; word < after(words, at); word += 2) {
    form.push(Object.freeze([words[word]!, words[word + 1]!] as const));
  }
  return Object.freeze(form);
}

const made = new WeakMap<Plan, Steps>();

/** A plan whose `steps` are made when they are read; all of it is frozen. */
export function planOf(facts: Omit<Plan, 'steps'>, program: Program): Plan {
  const { starts } = program;
  const { length } = starts;
  const steps: PlanStep[] = [];
  const at = (index: number) => (steps[index] ??= stepAt(program, starts[index]!));
  let all: readonly PlanStep[] | undefined;
  const plan: Plan = Object.freeze({
    ...facts,
    get steps() {
      all ??= Object.freeze(starts.map((_, index) => at(index)));
      return all;
    },
  });
  made.set(plan, { length, at });
  return plan;
}

/** The steps of a plan, without making them all: also of one that was read from JSON. */
export const stepsOf = (plan: Plan): Steps => made.get(plan) ?? plan.steps;
