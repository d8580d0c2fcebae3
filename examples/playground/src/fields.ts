/** The settings of a lab, as data: what the controls show, what the address holds, what the task is given. */
import type { Params } from './url';

export interface ChoiceField {
  readonly kind: 'choice';
  readonly label: string;
  /** Labels by value. */
  readonly options: Readonly<Record<string, string>>;
  readonly initial: string;
}

export interface NumberField {
  readonly kind: 'number';
  readonly label: string;
  readonly min: number;
  readonly max: number;
  readonly step: number;
  readonly initial: number;
}

export interface TextField {
  readonly kind: 'text';
  readonly label: string;
  readonly initial: string;
  /** What a value must look like; anything else counts as the initial one. */
  readonly pattern: RegExp;
  readonly hint: string;
}

export type Field = ChoiceField | NumberField | TextField;
export type Fields = Readonly<Record<string, Field>>;
export type Values<F extends Fields> = {
  readonly [K in keyof F]: F[K] extends NumberField ? number : string;
};

/** The values in the address; what is absent or out of range is the field's initial value. */
export function readFields<F extends Fields>(fields: F, params: Params): Values<F> {
  return Object.fromEntries(
    Object.entries(fields).map(([key, field]) => [key, readField(field, params[key])]),
  ) as Values<F>;
}

function readField(field: Field, text: string | undefined): string | number {
  if (text === undefined) return field.initial;
  switch (field.kind) {
    case 'choice':
      return Object.hasOwn(field.options, text) ? text : field.initial;
    case 'text':
      return field.pattern.test(text) ? text : field.initial;
    case 'number': {
      const value = Number(text);
      return text.trim() !== '' && value >= field.min && value <= field.max ? value : field.initial;
    }
  }
}

/** What the address holds for a value: nothing for the initial one. */
export const addressValue = (field: Field, value: string | number): string | undefined =>
  value === field.initial ? undefined : String(value);
