/** A task of the worker as a component sees it. */
import { useCallback, useEffect, useRef, useState } from 'preact/hooks';
import { startTask } from '../worker/client';
import type { Backend, Task } from '../worker/protocol';

export interface TaskState<Preview, Result> {
  readonly phase: 'idle' | 'running' | 'done' | 'failed' | 'cancelled';
  readonly fraction: number;
  readonly text: string;
  readonly preview?: Preview;
  readonly result?: Result;
  readonly error?: string;
  /** Where it runs or ran. */
  readonly backend?: Backend;
  readonly milliseconds?: number;
}

export interface TaskHandle<Input, Preview, Result> extends TaskState<Preview, Result> {
  run(input: Input): void;
  cancel(): void;
}

/** `useTask<typeof runSampler>('sampler', backend)`: one run at a time, a new one cancels the one before. */
export function useTask<T>(
  task: string,
  backend: Backend | undefined,
): T extends Task<infer Input, infer Preview, infer Result> ? TaskHandle<Input, Preview, Result> : never {
  type State = TaskState<unknown, unknown>;
  const [state, setState] = useState<State>({ phase: 'idle', fraction: 0, text: '' });
  const current = useRef<{ cancel(): void } | null>(null);

  const run = useCallback(
    (input: unknown) => {
      current.current?.cancel();
      const own = { cancel: () => {} };
      current.current = own;
      const update = (patch: Partial<State>) => {
        if (current.current === own) setState((state) => ({ ...state, ...patch }));
      };
      // The last result stays in view until there is something new.
      update({ phase: 'running', fraction: 0, text: 'starting', error: undefined });
      own.cancel = startTask(task, input, backend, {
        onBackend: (name) => update({ backend: name }),
        onProgress: ({ fraction, text, preview }) =>
          update(preview === undefined ? { fraction, text } : { fraction, text, preview }),
        onResult: ({ result, milliseconds }) =>
          update({ phase: 'done', fraction: 1, text: '', result, milliseconds }),
        onFailed: ({ message, cancelled }) =>
          update(cancelled ? { phase: 'cancelled' } : { phase: 'failed', error: message }),
      });
    },
    [task, backend],
  );
  const cancel = useCallback(() => current.current?.cancel(), []);
  useEffect(
    () => () => {
      current.current?.cancel();
      current.current = null;
    },
    [],
  );
  return { ...state, run, cancel } as never;
}

/** Runs whenever one of `inputs` has changed and then rested for a moment. */
export function useAutoRun(run: () => void, inputs: readonly unknown[]): void {
  useEffect(() => {
    const timer = setTimeout(run, 150);
    return () => clearTimeout(timer);
  }, inputs);
}
