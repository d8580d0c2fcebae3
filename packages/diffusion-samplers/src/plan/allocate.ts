/** Gives the registers of a finished program as few places as their lifetimes allow. */
import type { Level } from '../level';
import type { Form } from './forms';
import type { Instruction, PlanStep } from './types';

export type RawInstruction = Instruction;

export interface RawStep {
  readonly from: Level;
  readonly to: Level;
  readonly instructions: RawInstruction[];
  readonly state: number;
  readonly preview: Form;
}

/** Linear scan: a place is free again after the last instruction, or preview, that reads it. */
export function allocate(steps: readonly RawStep[], count: number) {
  const lastUse = new Int32Array(count).fill(-1);
  let time = 0;
  for (const { instructions, preview } of steps) {
    for (const instruction of instructions) {
      if (instruction.op === 'combine') for (const term of instruction.terms) lastUse[term[0]] = time;
      else if (instruction.op !== 'noise') lastUse[instruction.input] = time;
      time++;
    }
    for (const term of preview) lastUse[term[0]] = time;
    time++;
  }
  const last = steps.at(-1);
  if (last) lastUse[last.state] = time;
  return place(steps, lastUse, count);
}

function place(steps: readonly RawStep[], lastUse: Int32Array, count: number) {
  const placeOf = new Int32Array(count).fill(-1);
  const free: number[] = [];
  let places = 1;
  placeOf[0] = 0;
  const alive = new Set<number>([0]);
  const at = (register: number) => placeOf[register]!;
  const ended = (time: number) => {
    const dead: number[] = [];
    for (const register of alive) {
      if (lastUse[register]! > time) continue;
      alive.delete(register);
      dead.push(at(register));
    }
    free.push(...dead);
    return dead;
  };
  const rename = (terms: Form): Form => Object.freeze(terms.map((term) => [at(term[0]), term[1]] as const));
  let time = 0;
  let modelCalls = 0;
  const placed = steps.map((step): PlanStep => {
    const instructions = step.instructions.map((instruction): Instruction => {
      if (instruction.op === 'model') modelCalls++;
      // The inputs are read, and the output gets its place, before the inputs lose theirs: a model must not write where
      // it reads.
      const read =
        instruction.op === 'combine'
          ? { terms: rename(instruction.terms) }
          : instruction.op === 'noise'
            ? undefined
            : { input: at(instruction.input) };
      const output = free.pop() ?? places++;
      placeOf[instruction.output] = output;
      alive.add(instruction.output);
      const release = ended(time++);
      const placed = { ...instruction, ...read, output } as Instruction;
      return Object.freeze(release.length ? { ...placed, release } : placed);
    });
    const preview = rename(step.preview);
    const state = at(step.state);
    const release = ended(time++);
    const live = [...alive].map(at).sort((a, b) => a - b);
    return Object.freeze({
      from: step.from,
      to: step.to,
      instructions: Object.freeze(instructions),
      state,
      preview,
      live,
      release,
    });
  });
  return { steps: Object.freeze(placed), registers: places, modelCalls };
}
