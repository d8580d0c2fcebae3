import { readFile } from 'node:fs/promises';
import * as ort from 'onnxruntime-web';
import { describe, expect, it } from 'vitest';
import { fromFloat16, ortModel, toFloat16 } from '../src/onnx';
import { checkOnnx } from './onnxCheck';

const file = (name: string) => new URL(`./golden/onnx/${name}`, import.meta.url);

describe('ONNX Runtime Web in Node', () => {
  it.each(['unet.onnx', 'unet16.onnx'])(
    '%s: latents are those of the Python runtime, step by step',
    async (name) => {
      const runs = JSON.parse(await readFile(file('runs.json'), 'utf8'));
      await checkOnnx(ort, name, new Uint8Array(await readFile(file(name))), runs);
    },
  );
});

describe('float16', () => {
  it('goes there and back for all 65,536 patterns, and rounds half to even', () => {
    const all = Uint16Array.from({ length: 65536 }, (_, bits) => bits);
    const numbers = fromFloat16(all);
    const back = toFloat16(numbers);
    for (const bits of all) if (!Number.isNaN(numbers[bits])) expect(back[bits]).toBe(bits);
    expect([...fromFloat16(toFloat16([2049, 2051, 65519, 65520, 2 ** -25, 3 * 2 ** -25, -0.1]))]).toEqual([
      2048,
      2052,
      65504,
      Infinity,
      0,
      2 ** -23,
      Math.fround(-0.0999755859375),
    ]);
  });
});

describe('ortModel without a runtime', () => {
  class Tensor {
    constructor(
      readonly type: string,
      readonly data: ArrayLike<number> | ArrayLike<bigint>,
      readonly dims: readonly number[],
    ) {}
  }
  const call = { timestep: 12.6, alpha: 1, sigma: 1, step: 0, call: 0, shape: [1, 2] };

  it('gives the timestep the type and shape asked for, and mixes the two halves of guidance', async () => {
    const seen: Record<string, Tensor>[] = [];
    const session = {
      inputNames: ['sample', 'timestep', 'context'],
      outputNames: ['out'],
      run: async (feeds: Record<string, Tensor>) => {
        seen.push(feeds);
        return { out: new Tensor('float32', Float32Array.of(1, 2, 11, 22), [2, 2]) };
      },
    };
    const context = (value: number) => ({ context: new Tensor('float32', Float32Array.of(value), [1, 1]) });
    const model = ortModel(
      session,
      {},
      {
        ...{ Tensor, feeds: context(5), timestepType: 'float32', timestepShape: 'scalar' },
        guidance: { scale: 2, unconditional: context(0) },
        inputScale: ({ sigma }) => 1 / (1 + sigma),
      },
    );
    expect(await model(Float32Array.of(4, 6), call)).toEqual(Float32Array.of(21, 42));
    expect(seen[0]!.sample!.data).toEqual(Float32Array.of(2, 3, 2, 3));
    expect(seen[0]!.timestep).toMatchObject({ type: 'float32', dims: [], data: Float32Array.of(12.6) });
    expect(seen[0]!.context!.data).toEqual(Float32Array.of(0, 5));
    const whole = ortModel(session, {}, { Tensor });
    await expect(whole(Float32Array.of(4, 6), call)).rejects.toThrow(
      /output 'out' must have 2 numbers.*got 4/,
    );
    expect(seen[1]!.timestep).toMatchObject({ type: 'int64', dims: [1], data: BigInt64Array.of(13n) });
  });
});
