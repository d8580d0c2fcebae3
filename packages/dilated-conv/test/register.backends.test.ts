import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import { removePatch } from '@tfkit/core/patches';
import { ensureGradients } from '@tfkit/core/tfjs';
import { describeBackends, seededTensor, valuesOf } from '@tfkit/test-kit';
import { beforeEach, describe, expect, it } from 'vitest';
import { dilatedConv1d, dilatedConv2d, dilatedConv3d, dilatedDepthwiseConv2d } from '../src/index';
import { register, unregister } from '../src/register';
import image from './keras/image.json';
import tcn from './keras/tcn.json';

interface Stored {
  shape: number[];
  data: number[];
}

interface KerasCase {
  topology: object;
  weights: (Stored & { name: string })[];
  x: Stored;
  target: Stored;
  output: Stored;
  learningRate: number;
  losses: number[];
  outputAfter: Stored;
}

const tensorOf = ({ shape, data }: Stored) => tf.tensor(data, shape, 'float32');

/** Trains on one batch again and again, and gives the losses. */
async function fit(
  model: tfl.LayersModel,
  x: tf.Tensor,
  target: tf.Tensor,
  epochs: number,
): Promise<number[]> {
  const history = await model.fit(x, target, {
    ...{ epochs, batchSize: x.shape[0], shuffle: false, yieldEvery: 'never', verbose: 0 },
  });
  return history.history.loss as number[];
}

/** The same start on every backend. */
const seeded = (seed: number) => tfl.initializers.glorotNormal({ seed });

/** A network as in tfjs issue 7906: a conv1d with a dilation rate of 4 among others, each with an activation. */
function issue7906(): tfl.Sequential {
  return tfl.sequential({
    layers: [
      tfl.layers.conv1d({
        kernelInitializer: seeded(1),
        inputShape: [16, 2],
        filters: 4,
        kernelSize: 3,
        padding: 'same',
        activation: 'relu',
      }),
      tfl.layers.conv1d({
        kernelInitializer: seeded(1),
        filters: 4,
        kernelSize: 3,
        padding: 'same',
        dilationRate: 4,
        activation: 'relu',
      }),
      tfl.layers.flatten(),
      tfl.layers.dense({ kernelInitializer: seeded(1), units: 1 }),
    ],
  });
}

/** Image in, number out, with `layer` in the middle. */
function around(layer: tfl.layers.Layer): tfl.Sequential {
  return tfl.sequential({
    layers: [
      layer,
      tfl.layers.globalAveragePooling2d({}),
      tfl.layers.dense({ kernelInitializer: seeded(1), units: 1 }),
    ],
  });
}

const compiled = <M extends tfl.LayersModel>(model: M): M => {
  model.compile({ optimizer: tf.train.sgd(0.05), loss: 'meanSquaredError' });
  return model;
};

describeBackends('register', () => {
  beforeEach(() => register());

  it.each(Object.entries({ tcn, image } as Record<string, KerasCase>))(
    'a Keras model gives the outputs and trains as in Keras: %s',
    async (_name, stored) => {
      const model = (await tfl.models.modelFromJSON(stored.topology as never)) as tfl.LayersModel;
      for (const layer of model.layers) {
        const own = stored.weights.filter(({ name }) => name.startsWith(`${layer.name}/`)).map(tensorOf);
        if (own.length > 0) layer.setWeights(own);
      }
      const [x, target] = [tensorOf(stored.x), tensorOf(stored.target)];
      expect(await valuesOf(model.predict(x) as tf.Tensor)).toBeAllclose(stored.output, {
        rtol: 0,
        atol: 1e-5,
      });
      model.compile({ optimizer: tf.train.sgd(stored.learningRate), loss: 'meanSquaredError' });
      const losses = await fit(model, x, target, stored.losses.length);
      expect(losses).toBeAllclose(stored.losses, { rtol: 1e-5, atol: 0 });
      expect(await valuesOf(model.predict(x) as tf.Tensor)).toBeAllclose(stored.outputAfter, {
        rtol: 0,
        atol: 1e-5,
      });
    },
    // Many shaders to compile, on a GPU in software.
    180_000,
  );

  it('conv1d with a dilation rate, as in tfjs issue 7906: tfjs alone throws, registered it trains', async () => {
    const [x, target] = [seededTensor(1, [8, 16, 2]), seededTensor(2, [8, 1])];
    unregister();
    removePatch('gradients');
    await expect(fit(compiled(issue7906()), x, target, 1)).rejects.toThrow(/dilation rates greater than 1/);
    await ensureGradients();
    register();
    const losses = await fit(compiled(issue7906()), x, target, 12);
    expect(losses.at(-1)!).toBeLessThan(losses[0]! * 0.8);
  });

  /** What refuses to be differentiated in tfjs alone: every way to a dilated convolution, as a step of an optimizer. */
  const dilatedCalls: Record<string, (x: tf.Tensor4D, filter: tf.Tensor4D) => tf.Tensor> = {
    'tf.conv2d': (x, filter) => tf.conv2d(x, filter, 1, 'same', 'NHWC', 2),
    'tf.conv1d': (x, filter) =>
      tf.conv1d(
        tf.reshape(x, [2, 63, 2]) as tf.Tensor3D,
        tf.reshape(filter, [9, 2, 2]) as tf.Tensor3D,
        1,
        'same',
        'NWC',
        3,
      ),
    'tf.depthwiseConv2d': (x, filter) => tf.depthwiseConv2d(x, filter, 1, 'same', 'NHWC', [2, 3]),
    'tf.separableConv2d': (x, filter) =>
      tf.separableConv2d(x, filter, tf.ones([1, 1, 4, 3]) as tf.Tensor4D, 1, 'same', 2),
    'tf.fused.conv2d': (x, filter) =>
      tf.fused.conv2d({ x, filter, strides: 1, pad: 'same', dilations: 2, activation: 'relu' }),
    'tf.fused.depthwiseConv2d': (x, filter) =>
      tf.fused.depthwiseConv2d({ x, filter, strides: 1, pad: 'same', dilations: 2 }),
    'tf.conv3d': (x, filter) =>
      tf.conv3d(
        tf.reshape(x, [2, 7, 3, 3, 2]) as tf.Tensor5D,
        tf.reshape(filter, [3, 3, 1, 2, 2]) as tf.Tensor5D,
        1,
        'same',
        'NDHWC',
        [2, 1, 1],
      ),
  };
  it.each(Object.entries(dilatedCalls))(
    '%s with a dilation rate: no step of an optimizer in tfjs alone, registered the loss falls',
    async (_name, call) => {
      const x = seededTensor(19, [2, 7, 9, 2]) as tf.Tensor4D;
      const filter = tf.variable(tf.mul(seededTensor(20, [3, 3, 2, 2]), 0.3)) as tf.Variable<tf.Rank.R4>;
      const loss = () => tf.mean(tf.square(tf.sub(call(x, filter), 0.5))) as tf.Scalar;
      const optimizer = tf.train.sgd(0.05);
      unregister();
      removePatch('gradients');
      // tfjs-node's conv3d has no dilated forward pass either.
      const refused = /dilation rates greater than 1|Dilation depth must be 1/;
      expect(() => optimizer.minimize(loss, false, [filter])).toThrow(refused);
      await ensureGradients();
      register();
      const before = await tf.tidy(loss).data();
      for (let i = 0; i < 3; i++) optimizer.minimize(loss, false, [filter]);
      expect((await tf.tidy(loss).data())[0]!).toBeLessThan(before[0]!);
      filter.dispose();
    },
  );

  it('conv2d with a dilation rate and a linear activation: tfjs alone throws, registered it trains', async () => {
    const model = () =>
      compiled(
        around(
          tfl.layers.conv2d({
            kernelInitializer: seeded(1),
            inputShape: [9, 9, 2],
            filters: 3,
            kernelSize: 3,
            dilationRate: 2,
          }),
        ),
      );
    const [x, target] = [seededTensor(3, [8, 9, 9, 2]), seededTensor(4, [8, 1])];
    unregister();
    await expect(fit(model(), x, target, 1)).rejects.toThrow(/fused conv2D: dilation rates/);
    register();
    const losses = await fit(model(), x, target, 12);
    expect(losses.at(-1)!).toBeLessThan(losses[0]!);
  });

  it('the gradients of fused convolutions equal those of their parts', async () => {
    const [x, filter] = [seededTensor(5, [1, 8, 8, 2]), seededTensor(6, [3, 3, 2, 3])] as tf.Tensor4D[];
    const depthwise = seededTensor(7, [3, 3, 2, 2]) as tf.Tensor4D;
    const geometry = { strides: 1, pad: 'same', dilations: 2 } as const;
    const same = async (
      fused: (...t: tf.Tensor[]) => tf.Tensor,
      parts: typeof fused,
      inputs: tf.Tensor[],
    ) => {
      const square =
        (f: typeof fused) =>
        (...t: tf.Tensor[]) =>
          tf.sum(tf.square(f(...t))) as tf.Scalar;
      const [actual, expected] = [fused, parts].map((f) => tf.grads(square(f))(inputs));
      for (const [i, gradient] of actual!.entries()) {
        expect(await valuesOf(gradient)).toBeAllclose(await valuesOf(expected![i]!), {
          rtol: 1e-4,
          atol: 1e-4,
        });
      }
    };
    const bias = seededTensor(8, [3]);
    await same(
      (x, filter, bias) =>
        tf.fused.conv2d({ x: x as tf.Tensor4D, filter: filter as tf.Tensor4D, bias, ...geometry }),
      (x, filter, bias) =>
        tf.add(tf.conv2d(x as tf.Tensor4D, filter as tf.Tensor4D, 1, 'same', 'NHWC', 2), bias!),
      [x!, filter!, bias],
    );
    const image3d = tf.reshape(x!, [8, 8, 2]);
    await same(
      (x) => tf.fused.conv2d({ x: x as tf.Tensor3D, filter: filter!, ...geometry }),
      (x) => tf.conv2d(x as tf.Tensor3D, filter!, 1, 'same', 'NHWC', 2),
      [image3d],
    );
    await same(
      (x, filter) =>
        tf.fused.depthwiseConv2d({ x: x as tf.Tensor4D, filter: filter as tf.Tensor4D, ...geometry }),
      (x, filter) => tf.depthwiseConv2d(x as tf.Tensor4D, filter as tf.Tensor4D, 1, 'same', 'NHWC', 2),
      [x!, depthwise],
    );
  });

  it("conv1d with padding 'causal': refused by tfjs alone, registered it has the right shape and trains", async () => {
    const layer = () =>
      tfl.layers.conv1d({
        kernelInitializer: seeded(1),
        inputShape: [13, 2],
        filters: 3,
        kernelSize: 3,
        strides: 2,
        dilationRate: 2,
        padding: 'causal',
      });
    unregister();
    const x = seededTensor(9, [4, 13, 2]) as tf.Tensor3D;
    expect(() => layer().apply(x)).toThrow(/CAUSAL/);
    register();
    const model = tfl.sequential({
      layers: [layer(), tfl.layers.flatten(), tfl.layers.dense({ kernelInitializer: seeded(1), units: 1 })],
    });
    const [causal] = model.layers as [tfl.layers.Layer];
    expect(causal.outputShape).toEqual([null, 7, 3]);
    const y = causal.apply(x) as tf.Tensor;
    const [kernel, bias] = causal.getWeights();
    const expected = tf.add(
      dilatedConv1d(x, kernel as tf.Tensor3D, { strides: 2, dilationRate: 2, padding: 'causal' }),
      bias!,
    );
    expect(await valuesOf(y)).toBeAllclose(await valuesOf(expected));
    const losses = await fit(compiled(model), x, seededTensor(10, [4, 1]), 10);
    expect(losses.at(-1)!).toBeLessThan(losses[0]!);
  });

  it('layers stride and dilate together, in both data formats', async () => {
    const options = { kernelSize: 3, strides: 2, dilationRate: 2, padding: 'same' } as const;
    const plan = { strides: 2, dilationRate: 2, padding: 'same' } as const;
    const x = seededTensor(11, [2, 7, 8, 2]) as tf.Tensor4D;
    const dense = tfl.layers.conv2d({
      kernelInitializer: seeded(1),
      ...options,
      filters: 3,
      activation: 'relu',
    });
    const y = dense.apply(x) as tf.Tensor;
    expect(dense.computeOutputShape([2, 7, 8, 2])).toEqual([2, 4, 4, 3]);
    const convolved = dilatedConv2d(x, dense.getWeights()[0] as tf.Tensor4D, plan);
    expect(await valuesOf(y)).toBeAllclose(await valuesOf(tf.relu(convolved)));

    const first = tfl.layers.conv2d({
      kernelInitializer: seeded(1),
      ...options,
      filters: 3,
      dataFormat: 'channelsFirst',
    });
    const z = first.apply(tf.transpose(x, [0, 3, 1, 2])) as tf.Tensor;
    expect(first.computeOutputShape([2, 2, 7, 8])).toEqual([2, 3, 4, 4]);
    const lastAxis = tf.transpose(z, [0, 2, 3, 1]);
    expect(await valuesOf(lastAxis)).toBeAllclose(
      await valuesOf(dilatedConv2d(x, first.getWeights()[0] as tf.Tensor4D, plan)),
    );

    const separable = tfl.layers.separableConv2d({ ...options, filters: 3, depthMultiplier: 2 } as never);
    const separated = separable.apply(x) as tf.Tensor;
    const [depthwise, pointwise] = separable.getWeights() as tf.Tensor4D[];
    expect(await valuesOf(separated)).toBeAllclose(
      await valuesOf(dilatedConv2d(dilatedDepthwiseConv2d(x, depthwise!, plan), pointwise!)),
    );
    const model = compiled(
      around(
        tfl.layers.conv2d({ kernelInitializer: seeded(1), ...options, filters: 3, inputShape: [7, 8, 2] }),
      ),
    );
    const losses = await fit(model, x, seededTensor(12, [2, 1]), 10);
    expect(losses.at(-1)!).toBeLessThan(losses[0]!);
  });

  it('depthwiseConv2d obeys its dilation rate, which tfjs alone ignores', async () => {
    const layer = tfl.layers.depthwiseConv2d({ kernelSize: 3, dilationRate: 2, depthMultiplier: 2 });
    const x = seededTensor(13, [1, 7, 8, 2]) as tf.Tensor4D;
    const y = layer.apply(x) as tf.Tensor;
    expect(layer.computeOutputShape([1, 7, 8, 2])).toEqual([1, 3, 4, 4]);
    const kernel = layer.getWeights()[0] as tf.Tensor4D;
    expect(await valuesOf(y)).toBeAllclose(
      await valuesOf(dilatedDepthwiseConv2d(x, kernel, { dilationRate: 2 })),
    );
    unregister();
    expect((layer.apply(x) as tf.Tensor).shape).toEqual([1, 5, 6, 4]);
  });

  it('conv3d has a gradient for any dilation', async () => {
    const [x, filter] = [
      seededTensor(14, [1, 5, 5, 4, 1]),
      seededTensor(15, [2, 3, 2, 1, 2]),
    ] as tf.Tensor5D[];
    const undilated = tf.grads((x, filter) =>
      tf.sum(tf.square(tf.conv3d(x as tf.Tensor5D, filter as tf.Tensor5D, 1, 'valid'))),
    )([x!, filter!]);
    const own = tf.grads((x, filter) =>
      tf.sum(tf.square(dilatedConv3d(x as tf.Tensor5D, filter as tf.Tensor5D))),
    )([x!, filter!]);
    for (const [i, gradient] of undilated.entries()) {
      expect(await valuesOf(gradient)).toBeAllclose(await valuesOf(own[i]!), { rtol: 1e-4, atol: 1e-4 });
    }
    const layer = tfl.layers.conv3d({
      kernelInitializer: seeded(1),
      filters: 2,
      kernelSize: 2,
      dilationRate: 2,
      inputShape: [5, 5, 4, 1],
    });
    const model = compiled(
      tfl.sequential({
        layers: [layer, tfl.layers.flatten(), tfl.layers.dense({ kernelInitializer: seeded(1), units: 1 })],
      }),
    );
    const losses = await fit(model, x!, seededTensor(16, [1, 1]), 5);
    expect(losses.at(-1)!).toBeLessThan(losses[0]!);
  });

  it('a model saved before, loaded, trains on', async () => {
    const [x, target] = [seededTensor(17, [8, 16, 2]), seededTensor(18, [8, 1])];
    const model = compiled(issue7906());
    const first = await fit(model, x, target, 3);
    let saved: tf.io.ModelArtifacts | undefined;
    await model.save(
      tf.io.withSaveHandler(async (artifacts) => {
        saved = artifacts;
        return { modelArtifactsInfo: { dateSaved: new Date(0), modelTopologyType: 'JSON' } };
      }),
    );
    const loaded = compiled(await tfl.loadLayersModel(tf.io.fromMemory(saved!)));
    expect(await valuesOf(loaded.predict(x) as tf.Tensor)).toBeAllclose(
      await valuesOf(model.predict(x) as tf.Tensor),
    );
    const more = await fit(loaded, x, target, 5);
    expect(more[0]!).toBeLessThan(first[0]!);
    expect(more.at(-1)!).toBeLessThan(more[0]!);
  });

  it('is idempotent and reversible', () => {
    const engine = tf.engine() as unknown as Record<string, unknown>;
    const prototype = Object.getPrototypeOf(
      tfl.layers.conv1d({ kernelInitializer: seeded(1), filters: 1, kernelSize: 1 }).constructor.prototype,
    );
    const state = () => [engine.customGrad, engine.runKernel, prototype.call, prototype.computeOutputShape];
    const registered = state();
    const gradient = tf.getGradient('Conv3D');
    register();
    expect(state()).toEqual(registered);
    unregister();
    expect(state().every((method, i) => method !== registered[i])).toBe(true);
    expect(tf.getGradient('Conv3D')).not.toBe(gradient);
    unregister();
    const stock = state();
    register();
    expect(tf.getGradient('Conv3D')).toBe(gradient);
    unregister();
    expect(state()).toEqual(stock);
  });
});

describe('register', () => {
  it('repairs classes that are registered later', () => {
    unregister();
    register();
    class Conv1D {
      static className = 'Conv1D';
      call() {}
    }
    class Later extends Conv1D {}
    const before = tf.serialization.SerializationMap.getMap().classNameMap.Conv1D;
    (tf.serialization.SerializationMap as unknown as { register(cls: unknown): void }).register(Later);
    expect(Conv1D.prototype.call.name).toBe('call');
    expect(Object.keys(Conv1D.prototype)).toContain('computeOutputShape');
    unregister();
    expect(Object.keys(Conv1D.prototype)).not.toContain('computeOutputShape');
    tf.serialization.SerializationMap.getMap().classNameMap.Conv1D = before!;
  });
});
