/** The tensors of another library's checkpoint, on the host. */
import { FormatError, formatShape, sizeOf } from '@tfkit/core';
import { decodeSafetensors, toTypedArray } from '@tfkit/core/weights';
import type { InitialValue } from '../bijector';

/** Bytes of a safetensors file. */
export type CheckpointFile = Uint8Array | ArrayBuffer;

interface HostTensor {
  readonly shape: readonly number[];
  readonly values: Float32Array;
}

/** Tensors under a prefix. Remembers which were read, so that none is passed over in silence. */
export class Checkpoint {
  private constructor(
    private readonly functionName: string,
    private readonly tensors: ReadonlyMap<string, HostTensor>,
    private readonly read: Set<string>,
    private readonly prefix: string,
  ) {}

  static of(functionName: string, file: CheckpointFile): Checkpoint {
    const tensors = new Map<string, HostTensor>();
    for (const [name, entry] of decodeSafetensors(file).tensors) {
      const values = Float32Array.from(toTypedArray(entry) as ArrayLike<number | bigint>, Number);
      tensors.set(name, { shape: entry.shape, values });
    }
    return new Checkpoint(functionName, tensors, new Set(), '');
  }

  under(part: string): Checkpoint {
    return new Checkpoint(this.functionName, this.tensors, this.read, `${this.prefix}${part}.`);
  }

  has(name: string): boolean {
    return this.tensors.has(this.prefix + name);
  }

  /** Whether there is a tensor whose name begins with `<part>.`. */
  hasUnder(part: string): boolean {
    const start = `${this.prefix}${part}.`;
    return [...this.tensors.keys()].some((name) => name.startsWith(start));
  }

  /** The numbers n of names '<n>.*', ascending. */
  indices(): number[] {
    const found = new Set<number>();
    for (const name of this.tensors.keys()) {
      const match = name.startsWith(this.prefix) && /^(\d+)\./.exec(name.slice(this.prefix.length));
      if (match) found.add(Number(match[1]));
    }
    return [...found].sort((a, b) => a - b);
  }

  get(name: string): HostTensor {
    const full = this.prefix + name;
    const found = this.tensors.get(full);
    if (!found)
      throw new FormatError(`${this.functionName}: the file must hold '${full}', got none of that name.`);
    this.read.add(full);
    return found;
  }

  /** Marks as read what has no say in the map: degrees, counters. */
  ignore(...names: string[]): void {
    for (const name of names) this.read.add(this.prefix + name);
  }

  numbers(name: string): number[] {
    return Array.from(this.get(name).values);
  }

  /** A tensor as a vector of one dimension. */
  vector(name: string): InitialValue {
    const { values } = this.get(name);
    return { shape: [values.length], data: values };
  }

  fail(text: string): never {
    throw new FormatError(`${this.functionName}: ${this.prefix}* ${text}`);
  }

  /** @throws FormatError that names the tensors which nobody read. */
  checkAllRead(): void {
    const rest = [...this.tensors.keys()].filter((name) => !this.read.has(name));
    if (rest.length === 0) return;
    throw new FormatError(
      `${this.functionName}: the file must hold nothing but layers that are known, got ${rest.slice(0, 4).join(', ')}${rest.length > 4 ? ` and ${rest.length - 4} more` : ''}.`,
    );
  }
}

/** Which column of a torch layer each of ours is, and what it is multiplied by. */
export interface Columns {
  readonly from: readonly number[];
  readonly factors?: readonly number[];
}

/** A torch linear layer, weight [out, in] to kernel [in, out], with its mask if it has one. */
export function linearOf(file: Checkpoint, name: string, columns?: Columns): Record<string, InitialValue> {
  const { shape, values } = file.get(`${name}.weight`);
  const [outputs, inputs] = shape as [number, number];
  if (shape.length !== 2) file.fail(`must have matrices, got '${name}.weight' ${formatShape(shape)}.`);
  const from = columns?.from ?? Array.from({ length: outputs }, (_, i) => i);
  const factor = (column: number) => columns?.factors?.[column] ?? 1;
  const transposed = (weights: Float32Array, scale: (column: number) => number) => {
    const out = new Float32Array(sizeOf(shape));
    for (let row = 0; row < inputs; row++) {
      for (let column = 0; column < outputs; column++) {
        out[row * outputs + column] = weights[from[column]! * inputs + row]! * scale(column);
      }
    }
    return out;
  };
  const layer: Record<string, InitialValue> = {
    kernel: { shape: [inputs, outputs], data: transposed(values, factor) },
  };
  const bias = file.has(`${name}.bias`) ? file.get(`${name}.bias`).values : new Float32Array(outputs);
  layer.bias = { shape: [outputs], data: Float32Array.from(from, (column, i) => bias[column]! * factor(i)) };
  if (file.has(`${name}.mask`)) {
    const mask = transposed(file.get(`${name}.mask`).values, () => 1);
    layer.mask = { shape: [inputs, outputs], data: mask, trainable: false };
  }
  file.ignore(`${name}.degrees`);
  return layer;
}

/** The columns of a layer that has all numbers of an entry together, as all first numbers, then all second ones. */
export function numbersFirst(entries: number, numbers: number): number[] {
  return Array.from(
    { length: entries * numbers },
    (_, i) => (i % entries) * numbers + Math.floor(i / entries),
  );
}
