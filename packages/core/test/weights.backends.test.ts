import * as tf from '@tensorflow/tfjs-core';
import { describeBackends, expectNoLeak, valuesOf } from '@tfkit/test-kit';
import { expect, it } from 'vitest';
import { key, normal, split, uniform } from '../src/random';
import { randomNormal, randomUniform } from '../src/random-tensors';
import { decodeSafetensors, encodeSafetensors } from '../src/weights';
import { loadCheckpoint, saveCheckpoint } from '../src/weights/checkpoint';
import { loadSafetensors, saveSafetensors } from '../src/weights/tensors';

const optimizers: Record<string, () => tf.Optimizer> = {
  SGD: () => tf.train.sgd(0.1),
  Momentum: () => tf.train.momentum(0.05, 0.9),
  'Momentum (Nesterov)': () => tf.train.momentum(0.05, 0.9, true),
  Adagrad: () => tf.train.adagrad(0.1),
  Adadelta: () => tf.train.adadelta(0.5, 0.9),
  Adam: () => tf.train.adam(0.03, 0.87, 0.97),
  Adamax: () => tf.train.adamax(0.03, 0.9, 0.99, undefined, 0.1),
  RMSProp: () => tf.train.rmsprop(0.01, 0.9, 0.5),
  'RMSProp (centered)': () => tf.train.rmsprop(0.01, 0.9, 0.5, undefined, true),
};

/** The same classes with other hyperparameters: loading brings those of the file. */
const others: Record<string, () => tf.Optimizer> = {
  SGD: () => tf.train.sgd(1),
  Momentum: () => tf.train.momentum(1, 0.1),
  Adagrad: () => tf.train.adagrad(1, 0.5),
  Adadelta: () => tf.train.adadelta(1, 0.5),
  Adam: () => tf.train.adam(1, 0.5, 0.5, 0.1),
  Adamax: () => tf.train.adamax(1, 0.5, 0.5, 0.1),
  RMSProp: () => tf.train.rmsprop(1, 0.1, 0.1, 0.1, false),
};

interface Run {
  variables: { w: tf.Variable; b: tf.Variable };
  optimizer: tf.Optimizer;
  key: readonly [number, number];
}

function start(optimizer: tf.Optimizer, seed: number): Run {
  const [forWeights, next] = split(key(seed));
  const w = tf.tidy(() => tf.variable(randomNormal(forWeights, [3, 2]) as tf.Tensor2D));
  return { variables: { w, b: tf.variable(tf.tensor1d([0.1, -0.2])) }, optimizer, key: next };
}

/** Steps of a regression on batches drawn from the run's key. */
function train(run: Run, steps: number): void {
  const { w, b } = run.variables;
  for (let step = 0; step < steps; step++) {
    const [drawn, next] = split(run.key);
    run.key = next;
    tf.tidy(() => {
      const x = randomNormal(drawn, [8, 3]) as tf.Tensor2D;
      const y = tf.sum(tf.square(x), 1, true);
      const loss = () => tf.mean(tf.square(tf.sub(tf.add(tf.matMul(x, w as tf.Tensor2D), b), y)));
      run.optimizer.minimize(() => loss() as tf.Scalar, false, [w, b]);
    });
  }
}

const bitsOf = async (run: Run) =>
  Promise.all(
    [run.variables.w, run.variables.b].map(async (v) => [
      ...new Uint32Array((await v.data()).slice().buffer),
    ]),
  );

function end(run: Run): void {
  tf.dispose(run.variables);
  run.optimizer.dispose();
}

describeBackends('random tensors', () => {
  it('hold the numbers of the host', async () => {
    const made = randomNormal(key(1), [7, 11]);
    expect(made.shape).toEqual([7, 11]);
    expect(await made.data()).toEqual(normal(key(1), 77));
    const uniforms = randomUniform(key(1), [5], { min: -2, max: 3 });
    expect(await uniforms.data()).toEqual(uniform(key(1), 5, { min: -2, max: 3 }));
    tf.dispose([made, uniforms]);
  });
});

describeBackends('tensors in safetensors files', () => {
  const inputs = () => ({
    weights: tf.tensor2d([
      [1, -2.5, 1e-3],
      [3e38, 0, -0],
    ]),
    ids: tf.tensor1d([-(2 ** 20), 7], 'int32'),
    mask: tf.tensor1d([true, false, true], 'bool'),
    scalar: tf.scalar(0.1),
    empty: tf.zeros([0, 3]),
  });

  it('come back the same, and nothing leaks', async () => {
    const tensors = inputs();
    const file = await expectNoLeak(() => saveSafetensors(tensors, { metadata: { made: 'here' } }));
    expect(decodeSafetensors(file).metadata.made).toBe('here');
    const loaded = loadSafetensors(file);
    expect(Object.keys(loaded).sort()).toEqual(Object.keys(tensors).sort());
    for (const [name, tensor] of Object.entries(tensors)) {
      expect(await valuesOf(loaded[name]!), name).toEqual(await valuesOf(tensor));
    }
    const some = loadSafetensors(file, ['ids']);
    expect(Object.keys(some)).toEqual(['ids']);
    tf.dispose([tensors, loaded, some] as tf.TensorContainer);
  });

  it('are rounded to 16 bits on demand', async () => {
    const x = tf.tensor1d([1 / 3, -70000, 1]);
    const { tensors } = decodeSafetensors(await saveSafetensors({ x }, { floatDType: 'F16' }));
    expect(tensors.get('x')).toMatchObject({ dtype: 'F16', shape: [3] });
    const loaded = loadSafetensors(await saveSafetensors({ x }, { floatDType: 'BF16' }));
    expect([...(await loaded.x!.data())]).toEqual([0.333984375, -70144, 1]);
    tf.dispose([x, loaded] as tf.TensorContainer);
  });

  it('keep 64-bit integers that fit, refuse others without a leak', async () => {
    const file = (value: bigint) =>
      encodeSafetensors({
        a: { shape: [1], data: Float32Array.of(1) },
        n: { shape: [2], data: BigInt64Array.of(-5n, value) },
      });
    const loaded = loadSafetensors(file(2n ** 31n - 1n));
    expect(await valuesOf(loaded.n!)).toMatchObject({ dtype: 'int32', data: Int32Array.of(-5, 2 ** 31 - 1) });
    tf.dispose(loaded);
    await expectNoLeak(() => {
      expect(() => loadSafetensors(file(2n ** 31n))).toThrow(
        "loadSafetensors: 'n' of I64 must hold values in [-2^31, 2^31), got 2147483648n.",
      );
      expect(() => loadSafetensors(file(1n), ['zz'])).toThrow(
        "loadSafetensors: names must be in the file, got 'zz'.",
      );
    });
    const text = tf.tensor1d(['a']);
    await expect(saveSafetensors({ text })).rejects.toThrow(
      /'text' must be float32, int32 or bool, got string/,
    );
    text.dispose();
  });
});

describeBackends('checkpoints', () => {
  it.each(Object.entries(optimizers))('resume to the bit with %s', async (name, make) => {
    const whole = start(make(), 7);
    train(whole, 10);
    const first = start(make(), 7);
    train(first, 5);
    const before = tf.memory().numTensors;
    const file = await saveCheckpoint({ ...first, step: 5 });
    expect(tf.memory().numTensors).toBe(before);
    // Another optimizer, other weights, and one that has trained already: all must give way.
    for (const warmUp of [0, 2]) {
      const second = start(others[name.split(' ')[0]!]!(), 99);
      train(second, warmUp);
      const loaded = await loadCheckpoint(file, second);
      expect(loaded).toMatchObject({ step: 5, key: first.key });
      expect(second.optimizer.iterations).toBe(5);
      const resumed = { ...second, key: loaded.key! };
      train(resumed, 5);
      expect(await bitsOf(resumed)).toEqual(await bitsOf(whole));
      expect(second.optimizer.getConfig()).toEqual(whole.optimizer.getConfig());
      end(resumed);
    }
    expect(await bitsOf(first)).not.toEqual(await bitsOf(whole));
    end(whole);
    end(first);
  });

  it('hold the state of the moment they were asked for', async () => {
    const run = start(tf.train.adam(0.03), 3);
    train(run, 2);
    const quiet = await saveCheckpoint(run);
    const promise = saveCheckpoint(run);
    train(run, 1);
    expect(await promise).toEqual(quiet);
    end(run);
  });

  it('leak nothing, and change nothing when they are refused', async () => {
    const run = start(tf.train.adam(0.03), 3);
    train(run, 2);
    const file = await saveCheckpoint(run);
    await loadCheckpoint(file, run);
    await expectNoLeak(() => loadCheckpoint(file, run).then(() => {}));
    const { w, b } = run.variables;
    train(run, 1);
    const bits = await bitsOf(run);
    const wrong = tf.variable(tf.zeros([2, 3]));
    const sgd = tf.train.sgd(1);
    const refused: [() => Promise<unknown>, RegExp][] = [
      [
        () => loadCheckpoint(file, { variables: { w } }),
        /variables must be those .*, got no 'b', which is in the file/,
      ],
      [() => loadCheckpoint(file, { variables: { w, b, c: b } }), /got 'c', which is not in the file/],
      [
        () => loadCheckpoint(file, { variables: { b, w: wrong } }),
        /variable 'w' must be float32 \[3, 2\] as in the file, got float32 \[2, 3\]/,
      ],
      [() => loadCheckpoint(file, { ...run, optimizer: sgd }), /must be of the saved class Adam, got SGD/],
      [() => saveCheckpoint({ variables: { 'optimizer/x': w } }), /must not have names in 'optimizer\/'/],
      [() => saveCheckpoint({ variables: { w }, step: -1 }), /step must be an integer >= 0, got -1/],
      [() => saveCheckpoint({ variables: { w }, key: [1] as never }), /key must be two integers/],
    ];
    await expectNoLeak(async () => {
      for (const [call, message] of refused) await expect(call()).rejects.toThrow(message);
    });
    expect(await bitsOf(run)).toEqual(bits);
    tf.dispose(wrong);
    sgd.dispose();
    end(run);
  });

  it('are refused when what they say of the run is malformed', async () => {
    const w = tf.variable(tf.zeros([1]));
    const data = Float32Array.of(0);
    const fileWith = (entry: string, extra = {}) =>
      encodeSafetensors({ w: { shape: [1], data }, ...extra }, { metadata: { tfkit_checkpoint: entry } });
    const load = (file: Uint8Array, optimizer?: tf.Optimizer) =>
      loadCheckpoint(file, { variables: { w }, optimizer });
    for (const entry of [
      'no JSON',
      '',
      'null',
      '[]',
      '{}',
      '{"version":1}',
      '{"version":1,"step":-1}',
      '{"version":1,"step":0.5}',
      '{"version":1,"step":0,"key":[1]}',
      '{"version":1,"step":0,"key":[1,4294967296]}',
      '{"version":1,"step":0,"optimizer":{}}',
      '{"version":1,"step":0,"optimizer":null}',
      '{"version":1,"step":0,"optimizer":{"className":"SGD","iterations":0,"config":{"learningRate":"1"}}}',
    ]) {
      await expect(load(fileWith(entry)), entry).rejects.toThrow(
        /^loadCheckpoint: 'tfkit_checkpoint' must hold version/,
      );
    }
    await expect(load(fileWith('{"version":2}'))).rejects.toThrow(
      'loadCheckpoint: version must be 1, got 2.',
    );
    await expect(load(encodeSafetensors({ w: { shape: [1], data } }))).rejects.toThrow(
      /Read weights .* loadSafetensors/,
    );
    const adam = tf.train.adam(0.1);
    const { learningRate, ...config } = adam.getConfig();
    const record = (value: object) =>
      JSON.stringify({ version: 1, step: 0, optimizer: { className: 'Adam', iterations: 0, config: value } });
    const powers = { 'optimizer/accBeta1': { shape: [], data }, 'optimizer/accBeta2': { shape: [], data } };
    const moment = { 'optimizer/0/m': { shape: [1], data } };
    for (const [entry, state] of [
      [record({ learningRate, ...config }), {}],
      [record(config), powers],
      [record({ learningRate, ...config, minimize: 1 }), powers],
      [record({ learningRate, ...config }), { ...powers, ...moment }],
    ] as const) {
      await expect(load(fileWith(entry, state), adam)).rejects.toThrow(
        /optimizer state must be whole for Adam/,
      );
    }
    await load(fileWith(record({ learningRate, ...config }), powers), adam);
    adam.dispose();
    w.dispose();
  });

  it('hold variables that are read and written, as those of layers', async () => {
    const variable = tf.variable(tf.tensor1d([1, 2]));
    const layerLike = {
      read: () => variable as tf.Tensor,
      write: (value: tf.Tensor) => variable.assign(value as tf.Tensor1D),
    };
    const file = await saveCheckpoint({ variables: { kernel: layerLike }, metadata: { note: 'mine' } });
    tf.tidy(() => variable.assign(tf.tensor1d([0, 0])));
    const loaded = await loadCheckpoint(file, { variables: { kernel: layerLike } });
    expect([...(await variable.data())]).toEqual([1, 2]);
    expect(loaded).toEqual({ step: 0, key: undefined, metadata: { note: 'mine' } });
    variable.dispose();
  });
});
