/** Which backend computes; what is absent says why. */
import type { Backend, BackendState } from '../worker/protocol';

interface BackendPickerProps {
  /** Undefined until the worker has looked. */
  readonly states: readonly BackendState[] | undefined;
  /** Undefined: the best that is no software renderer. */
  readonly chosen: Backend | undefined;
  onChoose(name: Backend | undefined): void;
}

export function BackendPicker({ states, chosen, onChoose }: BackendPickerProps) {
  const absent = states?.filter(({ available }) => !available) ?? [];
  const detail = chosen
    ? states?.find(({ name }) => name === chosen)?.detail
    : 'the first of webgpu, webgl and wasm that works here, without graphics drawn in software';
  return (
    <fieldset class="backends">
      <legend>Backend</legend>
      <div class="chips">
        <Chip label="automatic" checked={chosen === undefined} onChoose={() => onChoose(undefined)} />
        {states?.map(({ name, available }) => (
          <Chip
            key={name}
            label={available ? name : `${name} (absent)`}
            checked={chosen === name}
            disabled={!available}
            onChoose={() => onChoose(name)}
          />
        ))}
      </div>
      <p class="soft" role="status">
        {states ? `${chosen ?? 'automatic'}: ${detail}.` : 'Looking for backends…'}
        {absent.map(({ name, detail }) => (
          <span key={name}>
            {' '}
            {name} is absent: {detail}.
          </span>
        ))}
      </p>
    </fieldset>
  );
}

interface ChipProps {
  readonly label: string;
  readonly checked: boolean;
  readonly disabled?: boolean;
  onChoose(): void;
}

function Chip({ label, checked, disabled, onChoose }: ChipProps) {
  return (
    <label class="chip">
      <input type="radio" name="backend" checked={checked} disabled={disabled} onChange={onChoose} />
      {label}
    </label>
  );
}
