/** ONNX Runtime sessions as models of a plan. Needs no import of it: the caller gives session and `Tensor`. */
import { checkKnownOptions, checkNumber, OptionError, ShapeError, sizeOf } from '@tfkit/core';
import type { ModelCall } from '../engine/execute';
import type { ArrayModel } from '../sample';
import { fromFloat16, toFloat16 } from './float16';

export { fromFloat16, toFloat16 } from './float16';

/** A tensor of onnxruntime-common, as far as it is needed. */
export interface OrtTensor {
  readonly type: string;
  readonly dims: readonly number[];
  readonly data: unknown;
  dispose?(): void;
}

/** A session of onnxruntime-web or onnxruntime-node, as far as it is needed. */
export interface OrtSession {
  readonly inputNames: readonly string[];
  readonly outputNames: readonly string[];
  readonly inputMetadata?: readonly unknown[];
  // biome-ignore lint/suspicious/noExplicitAny: the runtime's own types, which this package does not import
  run(feeds: any): Promise<Record<string, OrtTensor>>;
}

/** ONNX Runtime's `Tensor` class, of whichever of its packages the program uses. */
// biome-ignore lint/suspicious/noExplicitAny: the runtime's constructor has an overload for each type
export type OrtTensorConstructor = new (type: any, data: any, dims: readonly number[]) => OrtTensor;

export interface OrtNames {
  /** Input that takes the state. Default 'sample'. */
  readonly sample?: string;
  /** Input that takes the timestep. Default 'timestep'. */
  readonly timestep?: string;
  /** Output with the prediction. Default: the session's first. */
  readonly output?: string;
}

type Feeds = Readonly<Record<string, OrtTensor>>;

export interface OrtOptions {
  /** `ort.Tensor`. */
  readonly Tensor: OrtTensorConstructor;
  /** Other inputs, with the batch as first axis: `{ encoder_hidden_states }`. */
  readonly feeds?: Feeds;
  /**
   * Classifier-free guidance (arXiv:2207.12598): the model runs once on twice the batch, first half with `feeds` of the
   * unconditional case, second half with those given above; the result is u + scale (c - u).
   */
  readonly guidance?: { readonly scale: number; readonly unconditional: Feeds };
  /** Type of the state's input and of the output. Default: what the session says, else 'float32'. */
  readonly type?: 'float32' | 'float16';
  /** Type of the timestep. Default: what the session says, else 'int64'. Whole types take the nearest whole timestep. */
  readonly timestepType?: 'int64' | 'int32' | 'float32' | 'float16';
  /** Shape of the timestep: [], [1] or [batch]. Default: what the session says, else 'batch'. */
  readonly timestepShape?: 'scalar' | 'one' | 'batch';
  /** Multiplies the state before the model sees it (for networks exported without the scaling of their pipeline). */
  inputScale?(call: ModelCall): number;
}

const known = ['Tensor', 'feeds', 'guidance', 'type', 'timestepType', 'timestepShape', 'inputScale'];

/**
 * A model from an ONNX Runtime session, for `sample` and `iterate`. The state stays float32 whatever the session takes.
 *
 * @param session from `ort.InferenceSession.create(...)`, onnxruntime-web or onnxruntime-node.
 * @param names of the inputs and the output, where they are not diffusers' `sample`, `timestep` and the only output.
 * @throws OptionError for names that the session does not have; ShapeError for an output of another size.
 * @example
 * import * as ort from 'onnxruntime-web';
 * const session = await ort.InferenceSession.create('unet.onnx');
 * const model = ortModel(session, {}, { Tensor: ort.Tensor });
 * const { x } = await sample(plan, model, { shape: [1, 4, 64, 64] });
 */
export function ortModel(session: OrtSession, names: OrtNames, options: OrtOptions): ArrayModel {
  checkKnownOptions('ortModel', options, known);
  const { sample = 'sample', timestep = 'timestep', output = session.outputNames[0] ?? '' } = names;
  const { guidance, Tensor } = options;
  for (const name of [sample, timestep]) checkName(name, session.inputNames, 'inputs');
  checkName(output, session.outputNames, 'outputs');
  if (guidance) checkNumber(['ortModel', 'guidance.scale'], guidance.scale);
  const type = options.type ?? metaOf(session, sample).type ?? 'float32';
  const stamp = timestepOf(options, metaOf(session, timestep));
  const make = (data: Float32Array, dims: readonly number[]) =>
    new Tensor(type, type === 'float16' ? toFloat16(data) : data, dims);
  const conditions = guidance
    ? joined(Tensor, guidance.unconditional, options.feeds ?? {})
    : (options.feeds ?? {});
  return async (x, call) => {
    const { shape } = call;
    const size = sizeOf(shape);
    const scale = options.inputScale?.(call) ?? 1;
    const times = guidance ? 2 : 1;
    const data = new Float32Array(times * size);
    for (let i = 0; i < data.length; i++) data[i] = scale * x[i % size]!;
    const dims = [times * shape[0]!, ...shape.slice(1)];
    const results = await session.run({
      ...conditions,
      [sample]: make(data, dims),
      [timestep]: stamp(Tensor, call.timestep, dims[0]!),
    });
    const values = floatsOf(results[output]!);
    for (const tensor of Object.values(results)) tensor.dispose?.();
    if (values.length !== times * size) {
      throw new ShapeError(
        `ortModel: output '${output}' must have ${times * size} numbers for shape [${dims.join(', ')}], got ${values.length}.`,
      );
    }
    return guidance ? guided(values, size, guidance.scale) : values;
  };
}

/** u + scale (c - u) of the two halves. */
function guided(values: Float32Array, size: number, scale: number): Float32Array {
  const out = new Float32Array(size);
  for (let i = 0; i < size; i++) out[i] = values[i]! + scale * (values[size + i]! - values[i]!);
  return out;
}

function floatsOf({ type, data }: OrtTensor): Float32Array {
  if (type === 'float16' && data instanceof Uint16Array) return fromFloat16(data);
  return data instanceof Float32Array ? data : Float32Array.from(data as ArrayLike<number>);
}

/** What newer runtimes say about an input. */
function metaOf(
  session: OrtSession,
  name: string,
): { type?: 'float32' | 'float16'; shape?: readonly unknown[] } {
  const found = session.inputMetadata?.find((meta) => (meta as { name?: string } | null)?.name === name);
  return (found ?? {}) as ReturnType<typeof metaOf>;
}

type Stamp = (Tensor: OrtTensorConstructor, timestep: number, batch: number) => OrtTensor;

function timestepOf(options: OrtOptions, meta: { type?: string; shape?: readonly unknown[] }): Stamp {
  const type = options.timestepType ?? meta.type ?? 'int64';
  const declared = meta.shape?.length === 0 ? 'scalar' : meta.shape?.[0] === 1 ? 'one' : 'batch';
  const form = options.timestepShape ?? declared;
  const whole = (t: number) => (Number.isInteger(t) ? t : Math.round(t));
  const arrays: Record<string, (values: number[]) => unknown> = {
    int64: (values) => BigInt64Array.from(values, (t) => BigInt(whole(t))),
    int32: (values) => Int32Array.from(values, whole),
    float32: (values) => Float32Array.from(values),
    float16: (values) => toFloat16(values),
  };
  const make = arrays[type];
  if (!make) {
    throw new OptionError(`ortModel: timestepType must be int64, int32, float32 or float16, got '${type}'.`);
  }
  return (Tensor, timestep, batch) => {
    const count = form === 'batch' ? batch : 1;
    return new Tensor(type, make(new Array<number>(count).fill(timestep)), form === 'scalar' ? [] : [count]);
  };
}

function checkName(name: string, names: readonly string[], what: string): void {
  if (names.includes(name)) return;
  throw new OptionError(
    `ortModel: names must be among the session's ${what} ${names.join(', ')}, got '${name}'.`,
  );
}

/** Feeds of both halves, one after the other along the batch. */
function joined(Tensor: OrtTensorConstructor, first: Feeds, second: Feeds): Feeds {
  const keys = Object.keys(second);
  if (keys.join() !== Object.keys(first).join()) {
    throw new OptionError(
      `ortModel: guidance.unconditional must have the feeds ${keys.join(', ')}, got ${Object.keys(first).join(', ')}.`,
    );
  }
  return Object.fromEntries(
    keys.map((key) => {
      const [a, b] = [first[key]!, second[key]!];
      if (a.type !== b.type || a.dims.join() !== b.dims.join()) {
        throw new ShapeError(
          `ortModel: guidance.unconditional.${key} must have type and shape of the other, ${b.type} [${b.dims.join(', ')}], got ${a.type} [${a.dims.join(', ')}].`,
        );
      }
      const [dataA, dataB] = [a.data, b.data] as [Float32Array, Float32Array];
      const both = new (dataA.constructor as Float32ArrayConstructor)(dataA.length + dataB.length);
      both.set(dataA);
      both.set(dataB, dataA.length);
      return [key, new Tensor(a.type, both, [a.dims[0]! + b.dims[0]!, ...a.dims.slice(1)])];
    }),
  );
}
