import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import * as tf from '@tensorflow/tfjs-core';
import { decodeSafetensors, encodeSafetensors } from '@tfkit/core/weights';
import { describeBackends } from '@tfkit/test-kit';
import { describe, expect, it } from 'vitest';
import { importNflows, importNormflows, importZuko } from '../src/import/index';
import { checkBijector, type Flow, permute } from '../src/index';

const folder = fileURLToPath(new URL('checkpoints/', import.meta.url));
const names = readdirSync(folder).flatMap((file) => (file.endsWith('.json') ? [file.slice(0, -5)] : []));
const bytes = (name: string) => new Uint8Array(readFileSync(`${folder}${name}.safetensors`));

interface Reference {
  readonly options: object;
  readonly x: { readonly shape: [number, number]; readonly data: number[] };
  readonly context: { readonly shape: [number, number]; readonly data: number[] } | null;
  readonly logProb: number[];
}

function load(name: string, options: object): Flow {
  if (name.startsWith('nflows')) return importNflows(bytes(name), options);
  if (name.startsWith('zuko')) return importZuko(bytes(name), options);
  return importNormflows(bytes(name), {
    ...options,
    ...(name === 'normflows-affine' && { parameterless: { 4: permute([2, 3, 0, 1]) } }),
  });
}

describeBackends(
  'flows from Python',
  () => {
    it.each(names)('%s has the same log_prob to 1e-5, and inverts', async (name) => {
      const reference = JSON.parse(readFileSync(`${folder}${name}.json`, 'utf8')) as Reference;
      const flow = load(name, reference.options);
      const x = tf.tensor2d(reference.x.data, reference.x.shape);
      const context = reference.context
        ? tf.tensor2d(reference.context.data, reference.context.shape)
        : undefined;
      const logProb = await flow.logProb(x, { context }).data();
      for (const [i, wanted] of reference.logProb.entries()) {
        expect(Math.abs(logProb[i]! - wanted) / Math.max(1, Math.abs(wanted))).toBeLessThan(1e-5);
      }
      const check = await checkBijector(flow.bijector, x, {
        parameters: flow.variables,
        context,
        tolerance: 5e-3,
      });
      expect(check.problems).toEqual([]);
      expect(flow.parameterCount).toBeGreaterThan(0);
      tf.dispose([x]);
      context?.dispose();
      flow.dispose();
    });
  },
  { only: ['cpu', 'wasm', 'tensorflow'] },
);

describe('refusals of importers', () => {
  it('name the tensors of what is unknown, and what is missing', () => {
    const tensors = Object.fromEntries(decodeSafetensors(bytes('zuko-maf')).tensors);
    const more = { ...tensors, 'transform.transforms.0.other': { shape: [1], data: new Float32Array(1) } };
    expect(() => importZuko(encodeSafetensors(more), { contextSize: 3 })).toThrow(
      /importZuko: the file must hold nothing but layers that are known, got transform.transforms.0.other/,
    );
    const moved = { ...tensors, 'base.loc': { shape: [4], data: new Float32Array(4).fill(1) } };
    expect(() => importZuko(encodeSafetensors(moved))).toThrow(/base must be the standard normal/);
    expect(() => importNormflows(bytes('normflows-affine'))).toThrow(/flows.4 must have tensors, got none/);
    expect(() => importNflows(bytes('zuko-maf'))).toThrow(
      /importNflows: _transform.\* must be a layer that is known/,
    );
    expect(() => importNflows(bytes('nflows-affine'), { tailbound: 3 } as never)).toThrow(/tailbound/);
  });
});
