/** The layers in tf.layers models: variable input sizes in fit and predict, saving and loading. */
import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import { describeBackends, seededTensor, valuesOf } from '@tfkit/test-kit';
import { expect, it } from 'vitest';
import * as spp from '../src/index';
import * as layers from '../src/layers';

const map4 = () => seededTensor(1, [2, 7, 6, 4]);
const boxes = () =>
  tf.tensor3d([
    [
      [0, 0, 4, 5],
      [1, 1, 3, 3],
    ],
    [
      [2, 0, 6, 6],
      [0, 2, 5, 4],
    ],
  ]);

/** Every layer, with an input and, where it has no weights, the function it stands for. */
const table: Record<string, () => { layer: tfl.layers.Layer; inputs: tf.Tensor[]; result?: tf.Tensor }> = {
  AdaptiveMaxPooling1D: () => {
    const x = seededTensor(2, [2, 9, 3]);
    const result = spp.adaptiveMaxPool1d(x as tf.Tensor3D, 4);
    return { layer: new layers.AdaptiveMaxPooling1D({ bins: 4 }), inputs: [x], result };
  },
  AdaptiveMaxPooling2D: () => ({
    layer: new layers.AdaptiveMaxPooling2D({ bins: [2, 3] }),
    inputs: [map4()],
    result: spp.adaptiveMaxPool2d(map4() as tf.Tensor4D, [2, 3]),
  }),
  AdaptiveMaxPooling3D: () => {
    const x = seededTensor(3, [1, 4, 5, 3, 2]);
    const result = spp.adaptiveMaxPool3d(x as tf.Tensor5D, 2);
    return { layer: new layers.AdaptiveMaxPooling3D({ bins: 2 }), inputs: [x], result };
  },
  AdaptiveAveragePooling1D: () => {
    const x = seededTensor(2, [2, 9, 3]);
    const result = spp.adaptiveAvgPool1d(x as tf.Tensor3D, 4);
    return { layer: new layers.AdaptiveAveragePooling1D({ bins: 4 }), inputs: [x], result };
  },
  AdaptiveAveragePooling2D: () => ({
    layer: new layers.AdaptiveAveragePooling2D({ bins: 3 }),
    inputs: [map4()],
    result: spp.adaptiveAvgPool2d(map4() as tf.Tensor4D, 3),
  }),
  AdaptiveAveragePooling3D: () => {
    const x = seededTensor(3, [1, 4, 5, 3, 2]);
    const result = spp.adaptiveAvgPool3d(x as tf.Tensor5D, 2);
    return { layer: new layers.AdaptiveAveragePooling3D({ bins: 2 }), inputs: [x], result };
  },
  SpatialPyramidPooling: () => ({
    layer: new layers.SpatialPyramidPooling({ levels: [1, 3], mode: 'avg', order: 'channel-major' }),
    inputs: [map4()],
    result: spp.spatialPyramidPool(map4(), { levels: [1, 3], mode: 'avg', order: 'channel-major' }),
  }),
  YoloSpp: () => ({
    layer: new layers.YoloSpp({ kernels: [3, 5] }),
    inputs: [map4()],
    result: spp.yoloSpp(map4() as tf.Tensor4D, { kernels: [3, 5] }),
  }),
  Sppf: () => ({
    layer: new layers.Sppf({ kernel: 3 }),
    inputs: [map4()],
    result: spp.sppf(map4() as tf.Tensor4D, { kernel: 3 }),
  }),
  RoiPool: () => ({ layer: new layers.RoiPool({ outputSize: 2 }), inputs: [map4(), boxes()] }),
  RoiAlign: () => ({
    layer: new layers.RoiAlign({ outputSize: [2, 3], aligned: false }),
    inputs: [map4(), boxes()],
  }),
  SpatialPyramidWindows: () => ({
    layer: new layers.SpatialPyramidWindows({ stride: 1 }),
    inputs: [map4(), boxes()],
  }),
  SppBlock: () => ({ layer: new layers.SppBlock({ filters: 6, kernels: [3, 5] }), inputs: [map4()] }),
  SppfBlock: () => ({ layer: new layers.SppfBlock({ filters: 6, hidden: 3 }), inputs: [map4()] }),
  Sppcspc: () => ({ layer: new layers.Sppcspc({ filters: 6 }), inputs: [map4()] }),
  PyramidPoolingModule: () => ({
    layer: new layers.PyramidPoolingModule({ bins: [1, 2], alignCorners: true }),
    inputs: [map4()],
  }),
};

const saved = async (model: tfl.LayersModel) => {
  let artifacts: tf.io.ModelArtifacts | undefined;
  await model.save({
    save: async (given) => {
      artifacts = given;
      return { modelArtifactsInfo: { dateSaved: new Date(), modelTopologyType: 'JSON' } };
    },
  });
  return tfl.loadLayersModel({ load: async () => artifacts! });
};

describeBackends(
  'layers',
  () => {
    it.each(Object.keys(table))(
      '%s computes its function, says its shape, and is saved and loaded',
      async (name) => {
        const { layer, inputs, result } = table[name]!();
        const symbols = inputs.map(({ shape }) => tfl.input({ shape: shape.slice(1) }));
        const output = layer.apply(symbols.length === 1 ? symbols[0]! : symbols) as tfl.SymbolicTensor;
        const model = tfl.model({ inputs: symbols, outputs: output });
        const y = model.predict(inputs.length === 1 ? inputs[0]! : inputs) as tf.Tensor;
        expect(y.shape.slice(1)).toEqual(output.shape.slice(1));
        if (result)
          expect(await valuesOf(y)).toBeAllclose(await valuesOf(result), { rtol: 1e-5, atol: 1e-6 });
        const again = (await saved(model)).predict(inputs.length === 1 ? inputs[0]! : inputs) as tf.Tensor;
        expect(await valuesOf(again)).toBeAllclose(await valuesOf(y), { rtol: 1e-6, atol: 1e-7 });
      },
    );

    it('a model of variable input size fits and predicts at several sizes', async () => {
      const model = tfl.sequential({
        layers: [
          tfl.layers.conv2d({ inputShape: [null, null, 1], filters: 4, kernelSize: 3, activation: 'relu' }),
          new layers.SppfBlock({ filters: 4, kernel: 3 }),
          new layers.SpatialPyramidPooling({ levels: [1, 2] }),
          tfl.layers.dense({ units: 1 }),
        ],
      });
      model.setWeights(model.getWeights().map(({ shape }, i) => seededTensor(i, shape, -0.4, 0.4)));
      model.compile({ optimizer: tf.train.adam(0.02), loss: 'meanSquaredError' });
      // The target: the largest value of the image.
      const losses: number[] = [];
      for (let step = 0; step < 12; step++) {
        const size = [8, 11, 14][step % 3]!;
        const x = seededTensor(step, [16, size, size, 1], 0, (step % 4) + 1);
        const y = tf.max(x, [1, 2]);
        const { history } = await model.fit(x, y, { epochs: 3, batchSize: 16, verbose: 0 });
        losses.push(history.loss!.at(-1) as number);
        tf.dispose([x, y]);
      }
      const mean = (list: number[]) => list.reduce((sum, v) => sum + v) / list.length;
      expect(mean(losses.slice(-4))).toBeLessThan(0.5 * mean(losses.slice(0, 4)));
      for (const size of [9, 20]) {
        expect((model.predict(tf.ones([2, size, size + 3, 1])) as tf.Tensor).shape).toEqual([2, 1]);
      }
    });
  },
  { only: ['wasm', 'tensorflow'] },
);
