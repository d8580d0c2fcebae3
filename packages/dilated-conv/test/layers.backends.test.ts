import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import { describeBackends, expectNoLeak, seededTensor, valuesOf } from '@tfkit/test-kit';
import { expect, it } from 'vitest';
import { identityKernel } from '../src/index';
import { Aspp, ContextModule, DeepLabDecoder, DenseAspp, Duc, HdcBlock, Tcn, WaveNet } from '../src/layers';

/** Every layer, a shape that it takes, and what it gives. */
const cases: [string, () => tfl.layers.Layer, number[], number[]][] = [
  ['HdcBlock', () => new HdcBlock({ filters: 3, rates: [1, 2], seed: 1 }), [6, 7, 2], [6, 7, 3]],
  ['Aspp v2', () => new Aspp({ version: 'v2', filters: 2, rates: [1, 3], seed: 1 }), [6, 6, 2], [6, 6, 2]],
  ['Aspp v3', () => new Aspp({ filters: 2, rates: [1, 2], seed: 1 }), [6, 6, 2], [6, 6, 2]],
  ['Aspp v3+', () => new Aspp({ version: 'v3+', filters: 2, rates: [2], seed: 1 }), [5, 6, 2], [5, 6, 2]],
  [
    'Aspp v3 without pooling',
    () => new Aspp({ filters: 2, rates: [1], imagePooling: false, seed: 1 }),
    [4, 4, 1],
    [4, 4, 2],
  ],
  ['DenseAspp', () => new DenseAspp({ growth: 2, rates: [1, 2], seed: 1 }), [6, 6, 2], [6, 6, 6]],
  ['DenseAspp, reduced', () => new DenseAspp({ growth: 2, rates: [1, 2], reduce: 1 }), [6, 6, 2], [6, 6, 6]],
  ['ContextModule', () => new ContextModule({ rates: [1, 2], seed: 1 }), [6, 6, 2], [6, 6, 2]],
  [
    'ContextModule, large',
    () => new ContextModule({ rates: [1, 2], widths: [2, 4], seed: 1 }),
    [6, 6, 2],
    [6, 6, 2],
  ],
  ['Tcn', () => new Tcn({ filters: 3, rates: [1, 2], kernelSize: 2, seed: 1 }), [9, 2], [9, 3]],
  [
    'Tcn without weight norm',
    () => new Tcn({ filters: 2, rates: [1], weightNorm: false, seed: 1 }),
    [9, 2],
    [9, 2],
  ],
  ['WaveNet', () => new WaveNet({ filters: 2, skip: 3, rates: [1, 2, 4], seed: 1 }), [9, 2], [9, 3]],
  ['Duc', () => new Duc({ classes: 2, factor: 2, order: 'pixelShuffle', seed: 1 }), [3, 4, 2], [6, 8, 2]],
];

const sequential = (layer: tfl.layers.Layer, inputShape: number[]): tfl.Sequential =>
  tfl.sequential({ layers: [tfl.layers.inputLayer({ inputShape }), layer] });

async function saved(model: tfl.LayersModel): Promise<tf.io.ModelArtifacts> {
  let artifacts: tf.io.ModelArtifacts | undefined;
  await model.save(
    tf.io.withSaveHandler(async (given) => {
      artifacts = given;
      return { modelArtifactsInfo: { dateSaved: new Date(0), modelTopologyType: 'JSON' } };
    }),
  );
  return artifacts!;
}

describeBackends('layers', () => {
  it('DeepLab v3+, encoder and decoder, trains, saves and loads', async () => {
    const input = tfl.input({ shape: [8, 8, 3] });
    const conv = (filters: number, strides: number, seed: number) =>
      tfl.layers.conv2d({
        ...{ filters, strides, kernelSize: 3, padding: 'same', activation: 'relu' },
        kernelInitializer: tfl.initializers.heNormal({ seed }),
      });
    const low = conv(4, 2, 1).apply(input) as tfl.SymbolicTensor;
    const deep = conv(4, 2, 2).apply(low) as tfl.SymbolicTensor;
    const features = new Aspp({ version: 'v3+', filters: 4, rates: [1, 2], seed: 3 }).apply(deep);
    const decoder = new DeepLabDecoder({ filters: 4, lowFilters: 2, classes: 3, seed: 4 });
    const outputs = decoder.apply([features as tfl.SymbolicTensor, low]) as tfl.SymbolicTensor;
    const model = tfl.model({ inputs: input, outputs });
    expect(model.outputShape).toEqual([null, 4, 4, 3]);
    const [x, y] = [seededTensor(5, [2, 8, 8, 3]), seededTensor(6, [2, 4, 4, 3])];
    model.compile({ optimizer: tf.train.adam(0.02), loss: 'meanSquaredError' });
    const { history } = await model.fit(x, y, { epochs: 8, shuffle: false, yieldEvery: 'never', verbose: 0 });
    const losses = history.loss as number[];
    expect(losses.at(-1)).toBeLessThan(0.95 * losses[0]!);
    const again = await tfl.loadLayersModel(tf.io.fromMemory(await saved(model)));
    expect(await valuesOf(again.predict(x) as tf.Tensor)).toBeAllclose(
      await valuesOf(model.predict(x) as tf.Tensor),
    );
    expect(() => decoder.computeOutputShape([null, 4, 4, 3])).toThrow(
      /DeepLabDecoder: inputs must be \[x, low\]/,
    );
  });

  it.each(cases)(
    '%s: shape, save, load, the same output, and it trains',
    async (_name, make, inputShape, outputShape) => {
      const model = sequential(make(), inputShape);
      expect(model.outputShape).toEqual([null, ...outputShape]);
      const x = seededTensor(3, [2, ...inputShape]);
      const y = model.predict(x) as tf.Tensor;
      expect(y.shape).toEqual([2, ...outputShape]);

      const loaded = await tfl.loadLayersModel(tf.io.fromMemory(await saved(model)));
      expect(await valuesOf(loaded.predict(x) as tf.Tensor)).toBeAllclose(await valuesOf(y));
      const layerOf = (m: tfl.LayersModel) => m.layers.at(-1)!;
      expect(layerOf(loaded).getConfig()).toEqual({
        ...layerOf(model).getConfig(),
        name: layerOf(loaded).name,
      });

      const target = seededTensor(4, [2, ...outputShape]);
      model.compile({ optimizer: tf.train.adam(0.02), loss: 'meanSquaredError' });
      const { history } = await model.fit(x, target, {
        ...{ epochs: 8, batchSize: 2, shuffle: false, yieldEvery: 'never', verbose: 0 },
      });
      const losses = history.loss as number[];
      expect(losses.at(-1)!).toBeLessThan(losses[0]!);
      tf.dispose([x, y, target]);
    },
  );

  it.each(cases)('%s: every weight gets a gradient, nothing leaks', async (_name, make, inputShape) => {
    const layer = make();
    const x = seededTensor(5, [1, ...inputShape]);
    tf.dispose(layer.apply(x) as tf.Tensor);
    await expectNoLeak(() => {
      const loss = () => tf.sum(tf.square(layer.apply(x) as tf.Tensor)) as tf.Scalar;
      const { value, grads } = tf.variableGrads(loss);
      const names = Object.keys(grads);
      expect(names.length).toBe(layer.trainableWeights.length);
      tf.dispose([value, grads]);
    });
    layer.dispose();
    x.dispose();
  });

  it('a stream of a trained layer equals its output', async () => {
    for (const layer of [
      new Tcn({ filters: 3, rates: [1, 2], kernelSize: 3, seed: 2 }),
      new WaveNet({ filters: 2, skip: 3, rates: [1, 2, 4], seed: 2 }),
    ]) {
      const x = seededTensor(6, [2, 12, 2]);
      const y = layer.apply(x) as tf.Tensor;
      const stream = layer.stream(2);
      const steps = tf.unstack(x, 1).map((step) => stream.step(step as tf.Tensor2D));
      expect(await valuesOf(tf.stack(steps, 1))).toBeAllclose(await valuesOf(y), { rtol: 1e-4, atol: 1e-5 });
      stream.dispose();
    }
  });

  it('dropout acts in training only', async () => {
    const layer = new Tcn({ filters: 4, rates: [1, 2], dropout: 0.5, seed: 3 });
    const x = seededTensor(7, [1, 6, 4]);
    const run = (training: boolean) => layer.apply(x, { training }) as tf.Tensor;
    expect(await valuesOf(run(false))).toBeAllclose(await valuesOf(run(false)));
    const [a, b] = [await valuesOf(run(true)), await valuesOf(run(true))];
    expect([...a.data]).not.toEqual([...b.data]);
  });
});

describeBackends(
  'layers, without regard to the backend',
  () => {
    it('the same seed gives the same weights, another gives others', async () => {
      const start = async (seed: number) => {
        const layer = new HdcBlock({ filters: 2, rates: [1, 2], seed });
        layer.build([null, 4, 4, 2]);
        return Promise.all(layer.getWeights().map(async (weight) => [...(await weight.data())]));
      };
      expect(await start(1)).toEqual(await start(1));
      const [one, two] = [await start(1), await start(2)];
      expect(one).not.toEqual(two);
      expect(one[0]).not.toEqual(one[2]!.slice(0, one[0]!.length));
    });

    it('a context module without noise starts as the identity on non-negative input', async () => {
      for (const widths of [
        [1, 1],
        [2, 4],
      ]) {
        const layer = new ContextModule({ rates: [1, 2], widths, noise: 0 });
        const x = tf.abs(seededTensor(8, [1, 5, 5, 3]));
        expect(await valuesOf(layer.apply(x) as tf.Tensor)).toBeAllclose(await valuesOf(x));
      }
      expect(() => identityKernel(2, 3)).toThrow(/outChannels \/ classes must be an integer, got 1.5/);
    });

    it('bad arguments are named', () => {
      expect(() => new HdcBlock({ filters: 0 })).toThrow(/HdcBlock: filters must be an integer >= 1, got 0/);
      expect(() => new Aspp({ filters: 1, version: 'v4' as never })).toThrow(/Aspp: version must be one of/);
      expect(() => new Tcn({ filters: 1, rates: [1.5] })).toThrow(/Tcn: rates must be an integer/);
      expect(() => new Tcn({ filters: 1, dropout: 1 })).toThrow(/Tcn: dropout must be a number in \[0, 1\)/);
      expect(() => new Duc({ classes: 1, factor: 1.5 })).toThrow(/Duc: factor must be an integer/);
      expect(() => new HdcBlock({ filters: 1, kernelInitializer: 'x' as never })).toThrow(
        /kernelInitializer/,
      );
    });
  },
  { only: ['cpu'] },
);
