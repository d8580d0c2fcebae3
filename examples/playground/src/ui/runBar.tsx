/** The button that starts, the one that cancels, how far it is, and what a screen reader is told. */
import type { TaskState } from './useTask';

interface RunBarProps {
  readonly task: TaskState<unknown, unknown> & { cancel(): void };
  readonly label: string;
  onRun(): void;
}

export function RunBar({ task, label, onRun }: RunBarProps) {
  const running = task.phase === 'running';
  return (
    <div class="run-bar">
      <button type="button" class="primary" onClick={onRun} disabled={running}>
        {label}
      </button>
      <button type="button" onClick={task.cancel} disabled={!running}>
        Cancel
      </button>
      <div class="run-state">
        <progress
          aria-label="Progress"
          max={1}
          value={running || task.phase === 'done' ? task.fraction : 0}
        />
        <span class="soft" aria-hidden="true">
          {running ? task.text : ''}
        </span>
        <span role="status">{announcement(task)}</span>
      </div>
      {task.error && (
        <p role="alert" class="error">
          {task.error}
        </p>
      )}
    </div>
  );
}

/** Said once a change of phase: progress itself would talk without end. */
function announcement({ phase, backend, milliseconds = 0 }: TaskState<unknown, unknown>): string {
  switch (phase) {
    case 'idle':
      return 'Ready.';
    case 'running':
      return backend ? `Running on ${backend}.` : 'Running.';
    case 'done':
      return `Done in ${(milliseconds / 1000).toFixed(2)} s on ${backend}.`;
    case 'cancelled':
      return 'Cancelled.';
    case 'failed':
      return 'Failed.';
  }
}
