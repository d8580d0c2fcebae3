/** What the page and its worker say to each other. */

export const backendNames = ['webgpu', 'webgl', 'wasm', 'cpu'] as const;
export type Backend = (typeof backendNames)[number];

export interface BackendState {
  readonly name: Backend;
  readonly available: boolean;
  /** Why it is absent, or what draws: the graphics card's name. */
  readonly detail: string;
}

/** What a task may use while it runs. */
export interface TaskContext<Preview> {
  readonly backend: Backend;
  readonly signal: AbortSignal;
  /** Tells how far it is (0 to 1) and lets the worker hear a cancellation: rejects with the signal's reason then. */
  progress(fraction: number, text: string, preview?: Preview): Promise<void>;
}

/** A lab's work, in the worker. Input, preview and result are cloned between the threads. */
export type Task<Input, Preview, Result> = (input: Input, context: TaskContext<Preview>) => Promise<Result>;

export type Request =
  | {
      readonly kind: 'run';
      readonly id: number;
      readonly task: string;
      readonly backend: Backend | undefined;
      readonly input: unknown;
    }
  | { readonly kind: 'cancel'; readonly id: number };

export type Reply = { readonly id: number } & (
  | { readonly kind: 'backend'; readonly name: Backend }
  | { readonly kind: 'progress'; readonly fraction: number; readonly text: string; readonly preview: unknown }
  | { readonly kind: 'result'; readonly result: unknown; readonly milliseconds: number }
  | { readonly kind: 'failed'; readonly message: string; readonly cancelled: boolean }
);
