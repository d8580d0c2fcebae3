/** A plan's program: the objects that a reader sees are made where they are looked at. */
import type { Level } from '../level';
import type { Limit } from '../prediction';
import { allocate } from './allocate';
import type { Form } from './forms';
import type { Instruction, Plan, PlanStep } from './types';
import { after, header, ops } from './words';

/** Steps by index, made one at a time; an array of steps is that as well. */
export interface Steps {
  readonly length: number;
  at(index: number): PlanStep | undefined;
}

/** The steps of a plan. Nothing in it changes any more. */
export class Program implements Steps {
  readonly #words: readonly number[];
  readonly #starts: readonly number[];
  readonly #levels: readonly Level[];
  readonly #limit: Limit | undefined;
  readonly registers: number;

  /** `count` registers, each written once; register 0 is the initial state. */
  constructor(words: readonly number[], count: number, levels: readonly Level[], limit: Limit | undefined) {
    const { placed, starts, places } = allocate(words, count);
    this.#words = placed;
    this.#starts = starts;
    this.#levels = levels;
    this.#limit = limit;
    this.registers = places;
  }

  get length(): number {
    return this.#starts.length;
  }

  at(index: number): PlanStep | undefined {
    const [words, levels] = [this.#words, this.#levels];
    const instructions: Instruction[] = [];
    let release: readonly number[] | undefined;
    let live: readonly number[] = [];
    for (let at = this.#starts[index] ?? words.length; at < words.length; at = after(words, at)) {
      const [kind, output, extra] = [words[at]!, words[at + 1]!, words[at + 2]!];
      const terms = formAt(words, at);
      const registers = () => Object.freeze(terms.map(([register]) => register));
      if (kind === ops.release) release = registers();
      else if (kind === ops.live) live = registers();
      else if (kind === ops.end) {
        const [from, to] = [levels[extra]!, levels[extra + 1]!];
        Object.freeze(instructions);
        return Object.freeze({
          from,
          to,
          instructions,
          state: output,
          preview: terms,
          live,
          release: release ?? [],
        });
      } else {
        const [input] = terms[0] ?? [0];
        const instruction: Instruction =
          kind === ops.model
            ? { op: 'model', input, output, level: levels[extra]! }
            : kind === ops.noise
              ? { op: 'noise', output, draw: extra }
              : kind === ops.combine
                ? { op: 'combine', output, terms }
                : { op: 'limit', input, output, limit: this.#limit! };
        instructions.push(Object.freeze(release ? { ...instruction, release } : instruction));
        release = undefined;
      }
    }
    return undefined;
  }
}

function formAt(words: readonly number[], at: number): Form {
  const form: (readonly [number, number])[] = [];
  for (let word = at + header; word < after(words, at); word += 2) {
    form.push(Object.freeze([words[word]!, words[word + 1]!] as const));
  }
  return Object.freeze(form);
}

const programs = new WeakMap<Plan, Program>();

/** A plan whose `steps` are made when they are read; all of it is frozen. */
export function planOf(facts: Omit<Plan, 'steps' | 'registers'>, program: Program): Plan {
  let made: readonly PlanStep[] | undefined;
  const plan: Plan = Object.freeze({
    ...facts,
    registers: program.registers,
    get steps() {
      made ??= Object.freeze(Array.from({ length: program.length }, (_, i) => program.at(i)!));
      return made;
    },
  });
  programs.set(plan, program);
  return plan;
}

/** The steps of a plan, without making them all: also of one that was read from JSON. */
export const programOf = (plan: Plan): Steps => programs.get(plan) ?? plan.steps;
