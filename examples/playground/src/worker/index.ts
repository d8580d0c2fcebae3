/** The worker: takes one task after the other, on the backend that it asks for. */
import { probeBackends, useBackend } from './backends';
import type { Backend, Reply, Request, Task } from './protocol';

const tasks: Record<string, () => Promise<Task<never, unknown, unknown>>> = {
  sampler: async () => (await import('../labs/sampler/task')).runSampler,
  dilated: async () => (await import('../labs/dilated/task')).runDilated,
  layers: async () => (await import('../labs/dilated/layersTask')).runLayers,
  margin: async () => (await import('../labs/margin/task')).runMargin,
  mask: async () => (await import('../labs/mask/task')).runMask,
  flow: async () => (await import('../labs/flow/task')).runFlow,
};

const running = new Map<number, AbortController>();
let queue: Promise<void> = Promise.resolve();

const reply = (message: Reply) => self.postMessage(message);

/** Messages, a cancellation among them, are heard only between macrotasks. */
const nextMacrotask = () =>
  new Promise<void>((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(null);
  });

async function run(id: number, task: string, require: Backend | undefined, input: unknown): Promise<void> {
  const { signal } = running.get(id)!;
  try {
    signal.throwIfAborted();
    if (task === 'probe') {
      reply({ kind: 'result', id, result: await probeBackends(), milliseconds: 0 });
      return;
    }
    const backend = await useBackend(require);
    reply({ kind: 'backend', id, name: backend });
    const work = await tasks[task]!();
    const start = performance.now();
    const progress = async (fraction: number, text: string, preview?: unknown) => {
      reply({ kind: 'progress', id, fraction, text, preview });
      await nextMacrotask();
      signal.throwIfAborted();
    };
    const result = await work(input as never, { backend, signal, progress });
    reply({ kind: 'result', id, result, milliseconds: performance.now() - start });
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    reply({ kind: 'failed', id, message, cancelled: signal.aborted });
  } finally {
    running.delete(id);
  }
}

self.onmessage = ({ data }: MessageEvent<Request>) => {
  if (data.kind === 'cancel') {
    running.get(data.id)?.abort(new Error('cancelled'));
    return;
  }
  running.set(data.id, new AbortController());
  queue = queue.then(() => run(data.id, data.task, data.backend, data.input));
};
