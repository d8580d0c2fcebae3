/** The page's side of the worker. */
import type { Backend, BackendState, Reply, Request } from './protocol';

type ReplyOf<Kind extends Reply['kind']> = Omit<Extract<Reply, { kind: Kind }>, 'id' | 'kind'>;

export interface Listener {
  onBackend?(name: Backend): void;
  onProgress?(progress: ReplyOf<'progress'>): void;
  onResult(result: ReplyOf<'result'>): void;
  onFailed(failure: ReplyOf<'failed'>): void;
}

const worker = new Worker(new URL('./index.ts', import.meta.url), { type: 'module', name: 'tfkit' });
const listeners = new Map<number, Listener>();
let lastId = 0;

const send = (request: Request) => worker.postMessage(request);

worker.onmessage = ({ data }: MessageEvent<Reply>) => {
  const listener = listeners.get(data.id);
  if (data.kind === 'backend') listener?.onBackend?.(data.name);
  if (data.kind === 'progress') listener?.onProgress?.(data);
  if (data.kind === 'result') listener?.onResult(data);
  if (data.kind === 'failed') listener?.onFailed(data);
  if (data.kind === 'result' || data.kind === 'failed') listeners.delete(data.id);
};

worker.onerror = ({ message }) => {
  const failure = { message: message || 'the worker could not be loaded', cancelled: false };
  for (const listener of listeners.values()) listener.onFailed(failure);
  listeners.clear();
};

/** Starts a task after those before it; the function returned cancels it. */
export function startTask(
  task: string,
  input: unknown,
  backend: Backend | undefined,
  listener: Listener,
): () => void {
  const id = ++lastId;
  listeners.set(id, listener);
  send({ kind: 'run', id, task, backend, input });
  return () => send({ kind: 'cancel', id });
}

/** Which backends work in this browser's worker. */
export function probe(): Promise<readonly BackendState[]> {
  return new Promise((resolve, reject) => {
    startTask('probe', null, undefined, {
      onResult: ({ result }) => resolve(result as BackendState[]),
      onFailed: ({ message }) => reject(new Error(message)),
    });
  });
}
