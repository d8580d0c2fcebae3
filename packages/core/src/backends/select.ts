/** Choosing a backend at run time, and saying why. */
import * as tf from '@tensorflow/tfjs-core';
import { checkKnownOptions, checkOneOf } from '../checks';
import { BackendError } from '../errors';
import { type BackendLoader, type BackendName, backendNames } from './loader';

export interface SelectBackendOptions {
  /** Tried first, in this order; the default order follows. */
  readonly prefer?: BackendName | readonly BackendName[];
  /** This backend or an error. Software adapters are accepted, and a backend already set is replaced. */
  readonly require?: BackendName;
  /** Loaders from `@tfkit/core/backends/<name>`; in Node they are added to what is installed and win over it. */
  readonly backends?: readonly BackendLoader[];
}

/** What was found of one backend, and what to install for it. */
export interface BackendAttempt {
  readonly name: BackendName;
  readonly ok: boolean;
  /** Why it was chosen, or why not. */
  readonly reason: string;
  /** What to run, or to write, to have it. Empty when it was chosen. */
  readonly install: string;
}

/** The backend in force, and why the others are not. */
export interface SelectedBackend {
  readonly name: BackendName | (string & {});
  /** Every backend that was tried, in order; empty when the program had set one itself. */
  readonly tried: readonly BackendAttempt[];
}

/**
 * Sets the best backend that works here and tells what was tried.
 *
 * Order in Node: tensorflow-gpu, tensorflow, webgpu, wasm, cpu; in a browser: webgpu, webgl, wasm, cpu. Adapters that
 * render in software (SwiftShader, llvmpipe, fallback adapters) are passed over unless required. A backend that the
 * program has set already is left alone. The environment variable `TFKIT_BACKEND` acts as `require` and wins over it.
 *
 * @throws OptionError for an unknown name; BackendError if the required backend, or every backend, is absent.
 * @example
 * import { selectBackend } from '@tfkit/core/tfjs';
 * const { name, tried } = await selectBackend();
 */
export async function selectBackend(options: SelectBackendOptions = {}): Promise<SelectedBackend> {
  checkKnownOptions('selectBackend', options, ['prefer', 'require', 'backends']);
  const required = requiredBackend(options);
  const preferred = typeof options.prefer === 'string' ? [options.prefer] : (options.prefer ?? []);
  for (const name of preferred) checkOneOf(['selectBackend', 'options.prefer'], name, backendNames);

  const current = currentBackend();
  if (current && (!required || current === required)) return { name: current, tried: [] };

  const loaders = await findLoaders(options.backends ?? []);
  const order = required ? [required] : [...new Set([...preferred, ...defaultOrder(loaders)])];
  const tried: BackendAttempt[] = [];
  for (const name of order) {
    const attempt = await tryBackend(name, loaders.get(name), required !== undefined);
    tried.push(attempt);
    if (attempt.ok) {
      warnOfTwoCopies();
      return { name, tried };
    }
  }
  if (current) await tf.setBackend(engineNameOf(current));
  const reasons = tried.map(({ name, reason, install }) => `${name}: ${reason} (${install})`).join('; ');
  throw new BackendError(
    required
      ? `selectBackend: the required backend '${required}' is not available, ${reasons}.`
      : `selectBackend: no backend is available, ${reasons}.`,
  );
}

function requiredBackend(options: SelectBackendOptions): BackendName | undefined {
  const fromEnvironment = typeof process === 'undefined' ? undefined : process.env?.TFKIT_BACKEND;
  if (fromEnvironment) {
    checkOneOf(['selectBackend', 'the environment variable TFKIT_BACKEND'], fromEnvironment, backendNames);
    return fromEnvironment;
  }
  if (options.require !== undefined)
    checkOneOf(['selectBackend', 'options.require'], options.require, backendNames);
  return options.require;
}

/** The backend that is set and initialised, under our name; undefined when tfjs has yet to choose one. */
function currentBackend(): string | undefined {
  const engine = tf.engine() as unknown as { backendName: string | null; backendInstance: unknown };
  if (!engine.backendName || !engine.backendInstance) return undefined;
  const usesGpu = (engine.backendInstance as { isUsingGpuDevice?: boolean }).isUsingGpuDevice === true;
  return engine.backendName === 'tensorflow' && usesGpu ? 'tensorflow-gpu' : engine.backendName;
}

const engineNameOf = (name: string) => (name === 'tensorflow-gpu' ? 'tensorflow' : name);

async function findLoaders(given: readonly BackendLoader[]): Promise<Map<BackendName, BackendLoader>> {
  const { installedBackends } = await import('@tfkit/core/backends/installed');
  return new Map([...installedBackends, ...given].map((loader) => [loader.name, loader]));
}

function defaultOrder(loaders: Map<BackendName, BackendLoader>): BackendName[] {
  return backendNames.filter((name) => loaders.has(name));
}

async function tryBackend(
  name: BackendName,
  loader: BackendLoader | undefined,
  required: boolean,
): Promise<BackendAttempt> {
  if (!loader) {
    const variable = name === 'tensorflow-gpu' ? 'tensorflowGpu' : name;
    return {
      name,
      ok: false,
      reason: 'no loader was given for it',
      install: `import { ${variable} } from '@tfkit/core/backends/${name}' and pass {backends: [${variable}]}`,
    };
  }
  const install = `npm install ${loader.packages.join(' ')}`;
  const previous = currentBackend();
  try {
    await loader.load();
    if (!(await tf.setBackend(loader.engineName))) {
      return { name, ok: false, reason: 'its initialisation failed', install };
    }
    const objection = required ? undefined : await loader.objection?.();
    if (objection) {
      if (previous) await tf.setBackend(engineNameOf(previous));
      return {
        name,
        ok: false,
        reason: objection,
        install: `selectBackend({require: '${name}'}) takes it all the same`,
      };
    }
    return {
      name,
      ok: true,
      reason: required ? 'required' : 'the first in order that works here',
      install: '',
    };
  } catch (error) {
    return { name, ok: false, reason: reasonOf(error, loader), install };
  }
}

function reasonOf(error: unknown, loader: BackendLoader): string {
  const { code, message = String(error) } = error as { code?: string; message?: string };
  const missing = loader.packages.find((name) => message.includes(`'${name}'`));
  if (missing && (code === 'ERR_MODULE_NOT_FOUND' || code === 'MODULE_NOT_FOUND'))
    return `${missing} is not installed`;
  return (message.split('\n')[0] ?? message).replace(/\.$/, '');
}

/**
 * Two copies of tfjs-core share one engine but not their classes and flags. A tensor made by the engine is an
 * instance of the copy that created it, so a foreign class gives the second copy away.
 */
function warnOfTwoCopies(): void {
  const probe = tf.engine().makeTensor(new Float32Array(1), [1], 'float32');
  const foreign = probe.constructor !== (tf.Tensor as unknown);
  probe.dispose();
  if (foreign) {
    console.warn(
      `tfkit: two copies of @tensorflow/tfjs-core are loaded (this one is ${tf.version_core}). ` +
        'Run `npm ls @tensorflow/tfjs-core` and keep one version.',
    );
  }
}
