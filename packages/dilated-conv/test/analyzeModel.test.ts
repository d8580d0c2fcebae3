import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import { seededTensor } from '@tfkit/test-kit';
import { beforeAll, describe, expect, it } from 'vitest';
import { coverage, receptiveField } from '../src/index';
import { Aspp, analyzeModel, Duc, HdcBlock, type LayerView, Tcn, WaveNet } from '../src/layers';
import { register } from '../src/register';

beforeAll(() => tf.setBackend('cpu'));

describe('analyzeModel', () => {
  const view = (model: tfl.LayersModel, name: string): LayerView =>
    analyzeModel(model).find((layer) => layer.name === name)!;

  it('gives the receptive field, stride and holes of each layer of a stack', () => {
    const conv = (name: string, dilationRate: number, strides = 1) =>
      tfl.layers.conv2d({ name, filters: 1, kernelSize: 3, dilationRate, strides, padding: 'same' });
    const model = tfl.sequential({
      layers: [
        tfl.layers.inputLayer({ inputShape: [32, 32, 1] }),
        ...[conv('a', 2), conv('b', 2), conv('c', 2)],
        tfl.layers.maxPooling2d({ name: 'pool', poolSize: 2 }),
        tfl.layers.flatten({ name: 'flat' }),
        tfl.layers.dense({ name: 'head', units: 1 }),
      ],
    });
    const { holes } = coverage([2, 2, 2]);
    expect(view(model, 'c').axes![0]).toEqual({ receptiveField: 13, stride: 1, coverage: 7 / 13, holes });
    expect(view(model, 'pool').axes![1]).toEqual({ receptiveField: 14, stride: 2, coverage: 1, holes: [] });
    expect(view(model, 'head')).toMatchObject({ axes: null, global: true, reason: 'reads the whole input' });
  });

  it('agrees with the formula through strides and with blocks of this package', () => {
    const model = tfl.sequential({
      layers: [
        tfl.layers.inputLayer({ inputShape: [64, 64, 2] }),
        tfl.layers.conv2d({ name: 'stem', filters: 2, kernelSize: 5, strides: 2, padding: 'valid' }),
        new HdcBlock({ name: 'hdc', filters: 2, rates: [1, 2, 5] }),
        new Aspp({ name: 'aspp', filters: 2, rates: [3, 6] }),
        new Duc({ name: 'duc', classes: 2, factor: 2 }),
      ],
    });
    const layers = [
      { kernelSize: 5, strides: 2 },
      ...[1, 2, 5].map((dilationRate) => ({ kernelSize: 3, dilationRate })),
    ];
    expect(view(model, 'hdc').axes![0]!.receptiveField).toBe(receptiveField(layers).size);
    const aspp = view(model, 'aspp');
    expect(aspp.global).toBe(true);
    const wider = receptiveField([...layers, { kernelSize: 3, dilationRate: 6 }]);
    expect(aspp.axes![1]).toMatchObject({ receptiveField: wider.size, stride: 2 });
    expect(view(model, 'duc').axes![0]).toMatchObject({ stride: 1 });
  });

  it('joins branches by position: paths that look elsewhere leave a hole between them', () => {
    // tfjs alone gives causal convolutions the shape of 'valid' ones.
    register();
    const input = tfl.input({ shape: [20, 1] });
    const far = tfl.layers.conv1d({ filters: 1, kernelSize: 2, dilationRate: 6, padding: 'causal' });
    const near = tfl.layers.conv1d({ filters: 1, kernelSize: 2, padding: 'causal' });
    const sum = tfl.layers.add({ name: 'sum' });
    const met = sum.apply([far.apply(input), near.apply(input)] as tfl.SymbolicTensor[]);
    const model = tfl.model({ inputs: input, outputs: met as tfl.SymbolicTensor });
    expect(view(model, 'sum').axes).toEqual([
      { receptiveField: 7, stride: 1, coverage: 3 / 7, holes: [1, 2, 3, 4] },
    ]);
  });

  it('agrees with gradients: the positions with a nonzero gradient are those it names', async () => {
    const layers = () => [
      new Tcn({ filters: 2, rates: [1, 3], kernelSize: 2, seed: 4 }),
      new WaveNet({ filters: 2, skip: 2, rates: [1, 3], seed: 4 }),
      tfl.layers.conv1d({ filters: 1, kernelSize: 3, dilationRate: 4, padding: 'same' }),
    ];
    for (const layer of layers()) {
      const model = tfl.sequential({ layers: [tfl.layers.inputLayer({ inputShape: [31, 1] }), layer] });
      const reads = (x: tf.Tensor) => tf.sum(tf.slice(model.predict(x) as tf.Tensor, [0, 20, 0], [1, 1, 1]));
      const seen = new Set<number>();
      // A ReLU may block a path for one input: several are tried.
      for (let seed = 0; seed < 20; seed++) {
        const gradient = await tf
          .grad(reads)(seededTensor(seed, [1, 31, 1]))
          .data();
        gradient.forEach((value, position) => {
          if (value !== 0) seen.add(position);
        });
      }
      const [axis] = view(model, layer.name).axes!;
      expect(seen.size).toBe(axis!.receptiveField - axis!.holes.length);
      expect(Math.max(...seen) - Math.min(...seen) + 1).toBe(axis!.receptiveField);
    }
  });

  it('says why where it cannot tell', () => {
    const input = tfl.input({ shape: [8, 8, 1] });
    const transposed = tfl.layers.conv2dTranspose({ name: 'up', filters: 1, kernelSize: 2, strides: 2 });
    const after = tfl.layers.activation({ name: 'after', activation: 'relu' });
    const y = after.apply(transposed.apply(input) as tfl.SymbolicTensor) as tfl.SymbolicTensor;
    const model = tfl.model({ inputs: input, outputs: y });
    expect(view(model, 'after')).toMatchObject({
      axes: null,
      reason: 'what Conv2DTranspose reads is not known',
    });
  });
});
