/** The variables of what is trained, and that they are the same on all ranks. */
import * as tf from '@tensorflow/tfjs-core';
import { OptionError } from '@tfkit/core';
import { CollectiveError } from '../errors';
import type { ProcessGroup } from '../processGroup';

/** A weight of a tf.layers model. */
export interface LayerWeight {
  readonly name: string;
  read(): tf.Tensor;
}

/** What `ddp` needs of a tf.layers model. */
export interface LayersModelLike {
  readonly trainableWeights: readonly LayerWeight[];
  readonly nonTrainableWeights: readonly LayerWeight[];
  readonly optimizer?: tf.Optimizer;
}

/** What is trained: a tf.layers model, or variables. */
export type DdpTarget = LayersModelLike | Readonly<Record<string, tf.Variable>> | readonly tf.Variable[];

export interface Trained {
  /** Trained by gradients. */
  readonly parameters: readonly tf.Variable[];
  /** Not trained by gradients: moving averages of batch normalisation. */
  readonly buffers: readonly tf.Variable[];
  readonly names: ReadonlyMap<tf.Variable, string>;
}

export const isModel = (target: DdpTarget): target is LayersModelLike =>
  Array.isArray((target as LayersModelLike).trainableWeights);

export function trainedOf(target: DdpTarget): Trained {
  const entries: [string, tf.Variable][] = isModel(target)
    ? [...target.trainableWeights, ...target.nonTrainableWeights].map((weight) => [
        weight.name,
        weight.read() as tf.Variable,
      ])
    : Array.isArray(target)
      ? target.map((variable: tf.Variable) => [variable.name, variable])
      : Object.entries(target as Record<string, tf.Variable>);
  for (const [name, variable] of entries) {
    if (variable instanceof tf.Variable) continue;
    throw new OptionError(`ddp: variables must be tf.Variable, got another value for '${name}'.`);
  }
  const parameters = entries.filter(([, { trainable }]) => trainable).map(([, variable]) => variable);
  const buffers = entries.filter(([, { trainable }]) => !trainable).map(([, variable]) => variable);
  if (parameters.length === 0) {
    throw new OptionError('ddp: variables must have at least one that is trainable, got none.');
  }
  const odd = parameters.find(({ dtype }) => dtype !== 'float32');
  if (odd)
    throw new OptionError(`ddp: trainable variables must be float32, got ${odd.dtype} for '${odd.name}'.`);
  return { parameters, buffers, names: new Map(entries.map(([name, variable]) => [variable, name])) };
}

/** Throws on every rank the same sentence if shapes or types differ; names may, since tfjs numbers them. */
export function checkSameVariables(group: ProcessGroup, { parameters, buffers, names }: Trained): void {
  const own = [...parameters, ...buffers].map((variable) => {
    return `'${names.get(variable)}' ${variable.dtype} [${variable.shape.join(', ')}]`;
  });
  const all = group.sync.allGatherObject(own);
  const withoutName = (text: string | undefined) => text?.replace(/^'.*' /, '');
  for (let rank = 1; rank < group.size; rank++) {
    const length = Math.max(all[0]!.length, all[rank]!.length);
    for (let index = 0; index < length; index++) {
      const [first, other] = [all[0]![index], all[rank]![index]];
      if (withoutName(first) === withoutName(other)) continue;
      throw new CollectiveError(
        `ddp: variables must have the same shapes on every rank, got ${first ?? 'none'} on rank 0 and ` +
          `${other ?? 'none'} on rank ${rank} as number ${index}. Build the model alike on all ranks.`,
        { rank, reason: 'mismatch' },
      );
    }
  }
}

/** Gives all ranks the values of rank `root`, to the bit. */
export async function broadcastVariables(
  group: ProcessGroup,
  variables: readonly tf.Variable[],
  root = 0,
): Promise<void> {
  for (const variable of variables) {
    const values = (await variable.data()) as Float32Array;
    const received = group.sync.broadcast(values, root);
    if (group.rank === root) continue;
    tf.tidy(() => variable.assign(tf.tensor(received, variable.shape, variable.dtype as 'float32')));
  }
}

/** A hash of the bits of `values`: two words. Equal values give equal hashes; others almost surely different ones. */
export function hashOf(values: Float32Array | Int32Array | Uint8Array): Uint32Array {
  const bytes = values.byteLength;
  const words =
    bytes % 4 === 0 && values.byteOffset % 4 === 0
      ? new Uint32Array(values.buffer, values.byteOffset, bytes / 4)
      : Uint32Array.from(values as Uint8Array);
  let a = 0x811c9dc5;
  let b = 0x9e3779b9;
  for (let i = 0; i < words.length; i++) {
    a = Math.imul(a ^ words[i]!, 0x01000193);
    b = Math.imul((b << 13) | (b >>> 19), 5) + Math.imul(words[i]!, 0xcc9e2d51);
  }
  return Uint32Array.of(a ^ (a >>> 15), b ^ (b >>> 16));
}
