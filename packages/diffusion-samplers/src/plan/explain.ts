/** Plans as text. */
import type { Form } from './forms';
import type { Plan } from './types';

const number = (value: number) => Number(value.toPrecision(6)).toString();

const formText = (form: Form, noise: ReadonlyMap<number, number>): string =>
  form.length === 0
    ? '0'
    : form
        .map(([register, c], i) => {
          const name = noise.has(register) ? `z${noise.get(register)}` : `r${register}`;
          return `${c < 0 ? (i ? ' - ' : '-') : i ? ' + ' : ''}${number(Math.abs(c))} ${name}`;
        })
        .join('');

/**
 * The plan as text, one line an instruction: `r3 = 0.98 r0 - 0.12 r1`. Registers are r0, r1, ...; z5 is the sixth draw of
 * noise.
 */
export function explain(plan: Plan): string {
  const lines = [
    `${plan.solver} on ${plan.schedule}, grid ${plan.grid}, prediction ${plan.prediction}: ${plan.steps.length} steps, ` +
      `${plan.modelCalls} model calls, ${plan.draws} draws, ${plan.registers} registers`,
    `r0 = ${number(plan.initialScale)} noise, or the state given`,
  ];
  for (const [i, { from, to, instructions, state }] of plan.steps.entries()) {
    lines.push(`step ${i}: sigma/alpha ${number(from.sigma / from.alpha)} -> ${number(to.sigma / to.alpha)}`);
    const noise = new Map<number, number>();
    for (const instruction of instructions) {
      const target = `  r${instruction.output} = `;
      if (instruction.op === 'model') {
        const { timestep, alpha, sigma } = instruction.level;
        lines.push(
          `${target}model(r${instruction.input}, t = ${number(timestep)})  at alpha ${number(alpha)}, sigma ${number(sigma)}`,
        );
      } else if (instruction.op === 'combine') lines.push(target + formText(instruction.terms, noise));
      else if (instruction.op === 'limit') {
        const { limit } = instruction;
        const text =
          limit.kind === 'clip'
            ? `clip(r${instruction.input}, ${limit.range})`
            : `threshold(r${instruction.input}, ${limit.ratio}, ${limit.max})`;
        lines.push(target + text);
      } else noise.set(instruction.output, instruction.draw);
      if (instruction.op !== 'noise') noise.delete(instruction.output);
    }
    lines.push(`  state r${state}`);
  }
  return lines.join('\n');
}
