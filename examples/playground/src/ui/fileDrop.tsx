/** A place to drop files, which is an ordinary file input as well. They are read here and sent nowhere. */
import { useId, useState } from 'preact/hooks';

interface FileDropProps {
  readonly label: string;
  readonly hint: string;
  readonly accept: string;
  readonly multiple?: boolean;
  /** May reject: the message is shown. */
  onFiles(files: readonly File[]): void | Promise<void>;
}

export function FileDrop({ label, hint, accept, multiple = false, onFiles }: FileDropProps) {
  const id = useId();
  const [over, setOver] = useState(false);
  const [names, setNames] = useState('');
  const [error, setError] = useState('');
  const take = async (list: FileList | null | undefined) => {
    const files = [...(list ?? [])];
    if (files.length === 0) return;
    try {
      setError('');
      await onFiles(files);
      setNames(files.map(({ name }) => name).join(', '));
    } catch (reason) {
      setError(reason instanceof Error ? reason.message : String(reason));
    }
  };
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: dropping is a convenience; the input inside does the same.
    <div
      class={over ? 'drop over' : 'drop'}
      onDragOver={(event) => {
        event.preventDefault();
        setOver(true);
      }}
      onDragLeave={() => setOver(false)}
      onDrop={(event) => {
        event.preventDefault();
        setOver(false);
        take(event.dataTransfer?.files);
      }}
    >
      <label for={id}>{label}</label>
      <input
        {...{ id, accept, multiple }}
        type="file"
        aria-describedby={`${id}-hint`}
        onChange={async (event) => {
          const input = event.currentTarget;
          await take(input.files);
          input.value = '';
        }}
      />
      <small id={`${id}-hint`}>{hint}</small>
      <small role="status">{names && `Read: ${names}`}</small>
      {error && (
        <p role="alert" class="error">
          {error}
        </p>
      )}
    </div>
  );
}
