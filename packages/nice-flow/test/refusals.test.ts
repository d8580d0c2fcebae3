import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import { key } from '@tfkit/core';
import { expectNoLeak } from '@tfkit/test-kit';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  additiveCoupling,
  affineCoupling,
  bitsPerDim,
  chain,
  Flow,
  glow,
  interpolate,
  invertibleConv1x1,
  logit,
  luLinear,
  mlp,
  nice,
  permute,
  realNVP,
  reshape,
  scaling,
  split,
  squeeze,
} from '../src/index';

beforeAll(() => tf.setBackend('cpu'));

const net = mlp({ hidden: [4] });

describe('bad options and shapes', () => {
  it.each([
    [
      'odd dimensions for halves',
      () => additiveCoupling({ net }).outputShape([5]),
      /^additiveCoupling: x must have an even last axis for mask 'first-half', got event shape \[5\]\. Masks 'even' and 'odd'/,
    ],
    [
      'one entry to divide',
      () => additiveCoupling({ mask: 'even', net }).outputShape([1]),
      /at least 2 entries/,
    ],
    [
      'a mask of another length',
      () => affineCoupling({ mask: [1, 0, 1], net }).outputShape([4]),
      /^affineCoupling: mask must have 4 numbers.*got 3/,
    ],
    [
      'a mask with a 2',
      () => affineCoupling({ mask: [1, 2], net }).outputShape([2]),
      /mask must hold 0 and 1 alone, got 2 at 1/,
    ],
    [
      'a mask of ones',
      () => affineCoupling({ mask: [1, 1], net }).outputShape([2]),
      /mask must hold both 0 and 1, got no 0/,
    ],
    [
      'a mask array that does not broadcast',
      () => affineCoupling({ mask: { shape: [3, 1, 1], data: [1, 0, 1] }, net }).outputShape([2, 2, 1]),
      /mask must broadcast to \[2, 2, 1\]/,
    ],
    [
      'a checkerboard of vectors',
      () => affineCoupling({ mask: 'checkerboard-even', net }).outputShape([4]),
      /Checkerboards need images/,
    ],
    [
      'a mask of another name',
      () => additiveCoupling({ mask: 'left' as 'even', net }),
      /mask must be one of 'first-half'/,
    ],
    [
      'no net',
      () => additiveCoupling({ net: undefined as never }),
      /net must be a function or have init and apply/,
    ],
    [
      'a scale map of another name',
      () => affineCoupling({ net, scaleMap: 'relu' as 'exp' }),
      /scaleMap must be a function or one of 'exp'/,
    ],
    ['a bound of 0', () => affineCoupling({ net, bound: 0 }), /bound must be a number > 0, got 0/],
    [
      'an odd image to squeeze',
      () => squeeze().outputShape([3, 4, 1]),
      /^squeeze: x must be images whose height and width are multiples of 2, got event shape \[3, 4, 1\]/,
    ],
    [
      'a permutation that is none',
      () => permute([0, 0, 1]),
      /^permute: order must be 'reverse' or hold each/,
    ],
    [
      'reshape to another size',
      () => reshape({ from: [4], to: [3] }),
      /^reshape: to must have as many entries/,
    ],
    ['luLinear of images', () => luLinear().outputShape([2, 2, 1]), /^luLinear: x must be vectors/],
    [
      'an inner layer that changes the shape',
      () => split({ inner: squeeze() }).outputShape([2, 2, 2]),
      /^split: inner must keep the shape.*invert\(squeeze\(\)\)/,
    ],
    ['an odd axis to split', () => split().outputShape([3]), /^split: x must have an even last axis/],
    [
      'a dot in a name',
      () => chain({ 'a.b': scaling() }),
      /^chain: layers must have names without dots, got 'a\.b'/,
    ],
    ['a layer that is none', () => chain([scaling(), {} as never]), /^chain: layer '1' must be a bijector/],
    ['alpha 0.5', () => logit({ alpha: 0.5 }), /^logit: alpha must be a number in \(0, 0\.5\)/],
    [
      'a range upside down',
      () => logit({ range: [1, 0] }),
      /^logit: range must be two numbers \[low, high\]/,
    ],
    [
      'a parametrization of another name',
      () => invertibleConv1x1({ parametrization: 'qr' as 'plu' }),
      /parametrization must be one of 'plu', 'dense'/,
    ],
    [
      'mlp on images',
      () => new Flow({ bijector: additiveCoupling({ net }), shape: [2, 2, 2], key: key(0) }),
      /^mlp: inputs must be vectors/,
    ],
    [
      'images for nice',
      () => nice({ shape: [28, 28, 1], key: key(0) }),
      /^nice: shape must be that of vectors/,
    ],
    [
      'a preset of another name',
      () => nice({ preset: 'fashion' as 'mnist', key: key(0) }),
      /^nice: preset must be one of 'mnist'/,
    ],
    [
      'an image too small for its levels',
      () => glow({ shape: [4, 4, 3], levels: 3, steps: 1, channels: 2, key: key(0) }),
      /^squeeze: x must be images/,
    ],
    ['vectors for glow', () => glow({ shape: [4], key: key(0) }), /^glow: shape must be \[height/],
    [
      'a matrix for realNVP',
      () => realNVP({ shape: [4, 4], key: key(0) }),
      /^realNVP: shape must be \[features\]/,
    ],
    ['one level', () => bitsPerDim(0, { dims: 1, levels: 1 }), /^bitsPerDim: levels must be an integer >= 2/],
  ])('%s: one clear error, nothing leaks', async (_, run, message) => {
    await expectNoLeak(() => expect(run).toThrow(message));
  });

  it('names the shape, the context, the dtype and the parameter that do not fit', async () => {
    const flow = realNVP({ shape: [2], couplings: 2, hidden: [4], contextSize: 3, key: key(0) });
    const x = tf.zeros([4, 2]);
    const context = tf.zeros([4, 3]);
    await expectNoLeak(() => {
      expect(() => flow.logProb(tf.zeros([4, 3]), { context })).toThrow(
        /^logProb: x must have shape \[batch, 2\], got \[4, 3\]/,
      );
      expect(() => flow.logProb(x)).toThrow(/^logProb: context must be given, \[batch, 3\]/);
      expect(() => flow.logProb(x, { context: tf.zeros([4, 2]) })).toThrow(
        /^logProb: context must have shape \[4, 3\]/,
      );
      expect(() => flow.sample(2, { key: key(0), context })).toThrow(
        /^sample: context must have shape \[2, 3\]/,
      );
      expect(() => flow.sample(0, { key: key(0), context })).toThrow(
        /^sample: count must be an integer >= 1/,
      );
      expect(() => flow.sample(1, { key: key(0), context, temperature: -1 })).toThrow(/^sample: temperature/);
      expect(() => flow.forward(tf.zeros([4, 2], 'int32'), { context })).toThrow(
        /^forward: x must be float32/,
      );
      expect(() => flow.assign({ nosuch: x })).toThrow(
        /^assign: values must be named as the flow's variables, got 'nosuch'/,
      );
      expect(() => interpolate(flow, x, x)).toThrow(/^interpolate: from must be one example/);
      expect(() => scaling().forward(x, { parameters: {}, path: 'top' })).toThrow(
        /^scaling: parameters must have 'logScale' of layer 'top'/,
      );
    }, 3);
    flow.dispose();
  });
});
