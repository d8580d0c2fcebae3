/** Labelled inputs for fields. */
import { useId, useState } from 'preact/hooks';
import {
  addressValue,
  type Field,
  type Fields,
  type NumberField,
  type TextField,
  type Values,
} from '../fields';

interface ControlsProps<F extends Fields> {
  readonly fields: F;
  readonly values: Values<F>;
  /** Which to show. Default all. */
  readonly only?: readonly (keyof F)[];
  set(patch: Record<string, string | undefined>): void;
}

export function Controls<F extends Fields>({ fields, values, only, set }: ControlsProps<F>) {
  return (
    <div class="controls">
      {(only ?? Object.keys(fields)).map((key) => (
        <Control
          key={key}
          field={fields[key as string]!}
          value={values[key] as string | number}
          onValue={(value) => set({ [key]: addressValue(fields[key as string]!, value) })}
        />
      ))}
    </div>
  );
}

interface ControlProps<F> {
  readonly field: F;
  readonly value: string | number;
  onValue(value: string | number): void;
}

function Control({ field, value, onValue }: ControlProps<Field>) {
  const id = useId();
  if (field.kind === 'number') return <Slider {...{ field, value, onValue }} />;
  if (field.kind === 'text') return <Text {...{ field, value, onValue }} />;
  return (
    <div class="control">
      <label for={id}>{field.label}</label>
      <select id={id} value={value} onChange={(event) => onValue(event.currentTarget.value)}>
        {Object.entries(field.options).map(([option, label]) => (
          <option key={option} value={option}>
            {label}
          </option>
        ))}
      </select>
    </div>
  );
}

function Slider({ field, value, onValue }: ControlProps<NumberField>) {
  const id = useId();
  const { label, min, max, step } = field;
  return (
    <div class="control">
      <label for={id}>{label}</label>
      <output for={id}>{value}</output>
      <input
        {...{ id, min, max, step, value }}
        type="range"
        onInput={(event) => onValue(Number(event.currentTarget.value))}
      />
    </div>
  );
}

/** Keeps what is typed, and hands on what has the right form. */
function Text({ field, value, onValue }: ControlProps<TextField>) {
  const id = useId();
  const [draft, setDraft] = useState<string>();
  const text = draft ?? String(value);
  const wrong = !field.pattern.test(text);
  return (
    <div class="control">
      <label for={id}>{field.label}</label>
      <input
        id={id}
        type="text"
        value={text}
        aria-invalid={wrong}
        aria-describedby={`${id}-hint`}
        autocomplete="off"
        spellcheck={false}
        onInput={(event) => {
          const { value } = event.currentTarget;
          setDraft(value);
          if (field.pattern.test(value)) onValue(value);
        }}
        onBlur={() => setDraft(undefined)}
      />
      <small id={`${id}-hint`} class={wrong ? 'wrong' : ''}>
        {field.hint}
      </small>
    </div>
  );
}
