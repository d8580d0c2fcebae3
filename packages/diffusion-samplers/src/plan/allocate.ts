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

const inputsOf = (instruction: RawInstruction): readonly number[] => {
  if (instruction.op === 'combine') return instruction.terms.map(([register]) => register);
  return instruction.op === 'noise' ? [] : [instruction.input];
};

/** Linear scan: a place is free again after the last instruction, or preview, that reads it. */
export function allocate(steps: readonly RawStep[], count: number) {
  const lastUse = new Int32Array(count).fill(-1);
  let time = 0;
  for (const { instructions, preview } of steps) {
    for (const instruction of instructions) {
      for (const register of inputsOf(instruction)) lastUse[register] = time;
      time++;
    }
    for (const [register] of preview) lastUse[register] = time;
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
  const rename = (terms: Form): Form =>
    Object.freeze(terms.map(([register, c]) => [at(register), c] as const));
  let time = 0;
  let modelCalls = 0;
  const placed = steps.map((step): PlanStep => {
    const instructions = step.instructions.map((instruction): Instruction => {
      const renamed =
        instruction.op === 'combine'
          ? { ...instruction, terms: rename(instruction.terms) }
          : instruction.op === 'noise'
            ? instruction
            : { ...instruction, input: at(instruction.input) };
      if (instruction.op === 'model') modelCalls++;
      // The output gets its place before the inputs lose theirs: a model must not write where it reads.
      const output = free.pop() ?? places++;
      placeOf[instruction.output] = output;
      alive.add(instruction.output);
      const release = ended(time++);
      return Object.freeze(release.length ? { ...renamed, output, release } : { ...renamed, output });
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
