/**
 * One file for a training run: variables, optimizer, random key and step. It is a safetensors file, so that Python
 * reads the variables by their names; the optimizer's tensors are `optimizer/...`, the rest is JSON in the metadata.
 */
import * as tf from '@tensorflow/tfjs-core';
import { checkInteger, formatValue } from '../checks';
import { FormatError, OptionError, ShapeError } from '../errors';
import type { Key } from '../random';
import { checkKey } from '../random/keys';
import { formatShape, sameShape } from '../shape';
import {
  checkOptimizer,
  fitsLayout,
  type OptimizerRecord,
  recordOf,
  restoreOptimizer,
  stateTensors,
} from './optimizerState';
import { decodeSafetensors, encodeSafetensors, type Safetensors } from './safetensors';
import { readTensors, tensorValues } from './tensors';

/** A variable of tfjs, or of a layer (`model.weights` has `read` and `write`). */
export type CheckpointVariable = tf.Variable | { read(): tf.Tensor; write(value: tf.Tensor): unknown };

/** Variables by the names they have in the file; `tf.Variable.name` is not used, as it differs from run to run. */
export type CheckpointVariables = Readonly<Record<string, CheckpointVariable>>;

/** What goes into a checkpoint. */
export interface SaveCheckpointOptions {
  readonly variables: CheckpointVariables;
  /** SGD, Momentum, Adagrad, Adadelta, Adam, Adamax or RMSProp of `tf.train`. */
  readonly optimizer?: tf.Optimizer;
  /** The random key that the next step uses. */
  readonly key?: Key;
  /** How many steps are done. Default 0. */
  readonly step?: number;
  /** Text of your own; the key 'tfkit_checkpoint' is taken. */
  readonly metadata?: Readonly<Record<string, string>>;
}

/** What a checkpoint is loaded into. */
export interface LoadCheckpointOptions {
  readonly variables: CheckpointVariables;
  readonly optimizer?: tf.Optimizer;
}

/** What a checkpoint holds beside variables and optimizer state. */
export interface LoadedCheckpoint {
  readonly step: number;
  readonly key: Key | undefined;
  readonly metadata: Readonly<Record<string, string>>;
}

interface Run {
  readonly version: 1;
  readonly step: number;
  readonly key?: Key;
  readonly optimizer?: OptimizerRecord;
}

const entryName = 'tfkit_checkpoint';
const prefix = 'optimizer/';

/**
 * The bytes of a checkpoint from which training goes on to the bit (on the same backend).
 *
 * The state is that at the time of the call, even if training goes on while the backend reads it out.
 * @throws OptionError for an optimizer of another class, a bad key or step, or a name that begins with 'optimizer/'.
 * @example
 * const file = await saveCheckpoint({ variables: { w, b }, optimizer, key, step: 100 });
 * const { step, key: resumed } = await loadCheckpoint(file, { variables: { w, b }, optimizer });
 */
export async function saveCheckpoint(options: SaveCheckpointOptions): Promise<Uint8Array<ArrayBuffer>> {
  const { variables, optimizer, key, step = 0, metadata = {} } = options;
  checkInteger(['saveCheckpoint', 'step'], step, { min: 0 });
  if (key !== undefined) checkKey('saveCheckpoint', key);
  if (entryName in metadata) throw new OptionError(`saveCheckpoint: metadata must not have '${entryName}'.`);
  if (optimizer) checkOptimizer('saveCheckpoint', optimizer);
  const run: Run = {
    version: 1,
    step,
    ...(key && { key: [key[0], key[1]] }),
    ...(optimizer && { optimizer: recordOf(optimizer) }),
  };
  const named = Object.entries(variables).map(([name, variable]): [string, tf.Tensor] => {
    if (!name.startsWith(prefix)) return [name, readVariable(variable)];
    throw new OptionError(`saveCheckpoint: variables must not have names in '${prefix}', got '${name}'.`);
  });
  const state = optimizer ? stateTensors(optimizer) : [];
  const all = [...named, ...state.map(([name, tensor]) => [prefix + name, tensor] as const)];
  const inputs = await readTensors('saveCheckpoint', all);
  return encodeSafetensors(inputs, { metadata: { ...metadata, [entryName]: JSON.stringify(run) } });
}

/**
 * Puts a checkpoint's state into variables and optimizer, and returns its step, key and metadata.
 *
 * The optimizer must have the class of the saved one and takes over its hyperparameters, the learning rate too; train the
 * variables in the same order as before. Without `optimizer` its state is passed over. Everything is checked first:
 * if this throws, nothing has changed.
 *
 * @throws FormatError if the file is malformed or no checkpoint; OptionError if names or the optimizer's class differ;
 * ShapeError or DTypeError if a variable differs.
 */
export async function loadCheckpoint(
  file: Uint8Array | ArrayBuffer | Safetensors,
  { variables, optimizer }: LoadCheckpointOptions,
): Promise<LoadedCheckpoint> {
  const { tensors, metadata } = 'tensors' in file ? file : decodeSafetensors(file);
  const { [entryName]: entry, ...rest } = metadata;
  const run = parseRun(entry);
  const names = [...tensors.keys()];
  checkNames(
    Object.keys(variables),
    names.filter((name) => !name.startsWith(prefix)),
  );
  const stateNames = names.filter((name) => name.startsWith(prefix)).map((name) => name.slice(prefix.length));
  if (optimizer) checkSavedOptimizer(optimizer, run.optimizer, stateNames);
  const host = new Map(
    names.map((name) => {
      const [data, dtype] = tensorValues('loadCheckpoint', name, tensors.get(name)!);
      return [name, { data, dtype, shape: [...tensors.get(name)!.shape] }];
    }),
  );
  for (const [name, variable] of Object.entries(variables)) {
    const { shape, dtype } = host.get(name)!;
    checkVariable(name, readVariable(variable), shape, dtype);
  }
  tf.tidy(() => {
    const upload = (name: string) => {
      const { data, shape, dtype } = host.get(name)!;
      return tf.tensor(data, shape, dtype);
    };
    for (const [name, variable] of Object.entries(variables)) {
      if ('write' in variable) variable.write(upload(name));
      else variable.assign(upload(name));
    }
    if (!optimizer) return;
    const state = new Map(stateNames.map((name) => [name, upload(prefix + name)]));
    restoreOptimizer(optimizer, run.optimizer as OptimizerRecord, state);
  });
  return { step: run.step, key: run.key && Object.freeze(run.key), metadata: rest };
}

const readVariable = (variable: CheckpointVariable): tf.Tensor =>
  'read' in variable ? variable.read() : variable;

function parseRun(entry: string | undefined): Run {
  if (entry === undefined) {
    throw new FormatError(
      `loadCheckpoint: file must have '${entryName}' in its metadata, got none. ` +
        'Read weights that are no checkpoint with loadSafetensors.',
    );
  }
  let run: Partial<Run> | null = null;
  try {
    run = JSON.parse(entry);
  } catch {}
  if (typeof run === 'object' && run !== null && Number.isInteger(run.version) && run.version !== 1) {
    throw new FormatError(`loadCheckpoint: version must be 1, got ${run.version}. Update @tfkit/core.`);
  }
  if (!isRun(run)) {
    throw new FormatError(
      `loadCheckpoint: '${entryName}' must hold version, step, key and optimizer, got ${formatValue(entry.slice(0, 80))}.`,
    );
  }
  return run;
}

function isRun(run: Partial<Run> | null): run is Run {
  if (typeof run !== 'object' || run?.version !== 1 || !isCount(run.step)) return false;
  if (run.key !== undefined) {
    if (!Array.isArray(run.key) || run.key.length !== 2) return false;
    if (!run.key.every((word) => isCount(word) && word < 2 ** 32)) return false;
  }
  const { optimizer } = run;
  if (optimizer === undefined) return true;
  if (typeof optimizer?.className !== 'string' || !isCount(optimizer.iterations)) return false;
  const { config } = optimizer;
  if (typeof config !== 'object' || config === null) return false;
  return Object.values(config).every((value) => typeof value === 'number' || typeof value === 'boolean');
}

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;

function checkNames(wanted: readonly string[], saved: readonly string[]): void {
  const missing = wanted.find((name) => !saved.includes(name));
  const extra = saved.find((name) => !wanted.includes(name));
  if (missing === undefined && extra === undefined) return;
  const problem =
    missing === undefined ? `no '${extra}', which is in the file` : `'${missing}', which is not in the file`;
  throw new OptionError(`loadCheckpoint: variables must be those of the checkpoint, got ${problem}.`);
}

function checkSavedOptimizer(
  optimizer: tf.Optimizer,
  record: OptimizerRecord | undefined,
  stateNames: readonly string[],
): void {
  const className = checkOptimizer('loadCheckpoint', optimizer);
  if (record?.className !== className) {
    const saved = record ? `of the saved class ${record.className}` : 'absent, as the file has none';
    throw new OptionError(`loadCheckpoint: optimizer must be ${saved}, got ${className}.`);
  }
  const known = Object.keys(optimizer.getConfig()).sort().join(', ');
  const config = Object.keys(record.config).sort().join(', ');
  if (known === config && fitsLayout(className, stateNames)) return;
  throw new FormatError(
    `loadCheckpoint: optimizer state must be whole for ${className}, got ${stateNames.length} tensors and config ${config}.`,
  );
}

function checkVariable(name: string, value: tf.Tensor, shape: readonly number[], dtype: string): void {
  if (sameShape(value.shape, shape) && value.dtype === dtype) return;
  throw new ShapeError(
    `loadCheckpoint: variable '${name}' must be ${dtype} ${formatShape(shape)} as in the file, ` +
      `got ${value.dtype} ${formatShape(value.shape)}.`,
  );
}
