/** Arguments of a function made from the types of its parameters: small, plain, and often valid. */
import * as tf from '@tensorflow/tfjs-core';
import { key } from '@tfkit/core';
import type { Declaration, PublicFunction } from './functions';

type Declarations = Readonly<Record<string, Declaration>>;

/** Throws if a type is beyond what is made here: such a function needs a sample by hand. */
export function argumentsOf({ parameters, declarations }: PublicFunction): unknown[] {
  return parameters
    .filter(({ optional, rest }) => !optional && !rest)
    .map(({ type }) => valueOfType(type, declarations, 0));
}

const literals: readonly (readonly [RegExp, () => unknown])[] = [
  [/^number$/, () => 2],
  [/^(bigint \| )?number$/, () => 2],
  [/^string$/, () => 'x'],
  [/^boolean$/, () => true],
  [/^unknown$/, () => 'x'],
  [/^Key$/, () => key(0)],
  [/^Tensor1D$|^T$/, () => tf.tensor1d([0.1, 0.2, 0.3, 0.4])],
  [/^Tensor2D$|^Tensor<Rank>$|^Tensor$/, () => tf.fill([4, 4], 0.5)],
  [/^Tensor3D$/, () => tf.fill([1, 6, 4], 0.5)],
  [/^Tensor4D$/, () => tf.fill([1, 6, 6, 4], 0.5)],
  [/^Tensor5D$/, () => tf.fill([1, 4, 4, 4, 2], 0.5)],
  [/^Float32Array|^NumberArray$|^FloatArray$/, () => Float32Array.of(0.1, 0.2, 0.3, 0.4)],
  [/^Float64Array/, () => Float64Array.of(0.1, 0.2, 0.3, 0.4)],
  [/^Uint8Array|^Mask$/, () => Uint8Array.of(0, 1, 1, 0)],
  [/^(Int32Array|LabelArray|Labels)$/, () => Int32Array.of(0, 1, 1, 0)],
  [/^(readonly number\[\]|number\[\]|ArrayLike<number>)$/, () => [1, 2, 3, 4]],
  [/^readonly \(?readonly number\[\]\)?\[\]$/, () => [[0, 1, 1, 4, 4]]],
  [/^(readonly )?string\[\]$/, () => ['x']],
];

function valueOfType(type: string, declarations: Declarations, depth: number): unknown {
  const known = literals.find(([pattern]) => pattern.test(type));
  if (known) return known[1]();
  const quoted = /^"([^"]*)"/.exec(type);
  if (quoted) return quoted[1];
  if (/^-?\d+( |$)/.test(type)) return Number.parseFloat(type);
  if (depth > 3) throw new Error(`no value of type ${type}`);
  const declaration = declarations[type.replace(/<.*>$/, '')];
  for (const form of declaration?.forms ?? []) {
    if (form.kind === 'type' && form.type) return valueOfType(form.type, declarations, depth + 1);
    if (form.kind !== 'interface' || !form.members) continue;
    const required = form.members.filter(({ optional }) => !optional);
    return Object.fromEntries(
      required.map((member) => {
        if (!member.type) throw new Error(`no value of type ${type}`);
        return [member.name, valueOfType(member.type, declarations, depth + 1)];
      }),
    );
  }
  if (/^\w+ \| /.test(type)) return valueOfType(type.slice(0, type.indexOf(' | ')), declarations, depth + 1);
  throw new Error(`no value of type ${type}`);
}
