/** Plans as text. */
import { ratioOf } from '../level';
import type { Form } from './forms';
import type { Plan } from './types';

const number = (value: number) => Number(value.toPrecision(6)).toString();

const formText = (form: Form): string =>
  form
    .map(
      ([register, c], i) =>
        `${c < 0 ? (i ? ' - ' : '-') : i ? ' + ' : ''}${number(Math.abs(c))} r${register}`,
    )
    .join('') || '0';

/**
 * The plan as text, one line an instruction: `r3 = 0.98 r0 - 0.12 r1`. Registers are r0, r1, ...; z5 is the sixth
 * draw of noise.
 */
export function explain(plan: Plan): string {
  const lines = [
    `${plan.solver} on ${plan.schedule}, grid ${plan.grid}, prediction ${plan.prediction}: ${plan.steps.length} steps, ` +
      `${plan.modelCalls} model calls, ${plan.draws} draws`,
    `r0 = ${number(plan.initialScale)} noise`,
  ];
  for (const [i, { from, to, instructions, state }] of plan.steps.entries()) {
    lines.push(`step ${i}: sigma/alpha ${number(ratioOf(from))} -> ${number(ratioOf(to))}`);
    for (const instruction of instructions) {
      const target = `  r${instruction.output} = `;
      if (instruction.op === 'model') {
        const { timestep, alpha, sigma } = instruction.level;
        lines.push(
          `${target}model(r${instruction.input}, t = ${number(timestep)})  at alpha ${number(alpha)}, sigma ${number(sigma)}`,
        );
      } else if (instruction.op === 'noise') lines.push(`${target}z${instruction.draw}`);
      else if (instruction.op === 'combine') lines.push(target + formText(instruction.terms));
      else {
        const { kind, ...numbers } = instruction.limit;
        lines.push(`${target}${kind}(${[`r${instruction.input}`, ...Object.values(numbers)].join(', ')})`);
      }
    }
    lines.push(`  state r${state}`);
  }
  return lines.join('\n');
}
