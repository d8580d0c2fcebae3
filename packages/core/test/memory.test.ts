import * as tf from '@tensorflow/tfjs-core';
import { expectNoLeak, useBackend } from '@tfkit/test-kit';
import { beforeAll, describe, expect, it } from 'vitest';
import { tidyAsync } from '../src/memory';

describe('tidyAsync', () => {
  beforeAll(() => useBackend('cpu'));

  it('disposes what it owns and keeps what it returns, however deep', async () => {
    const before = tf.memory().numTensors;
    const result = await tidyAsync(async (own) => {
      const a = own(tf.scalar(1));
      const b = own(tf.scalar(2));
      await b.data();
      return { kept: [a], number: 3 };
    });
    expect(tf.memory().numTensors).toBe(before + 1);
    expect(result.kept[0]?.isDisposed).toBe(false);
    tf.dispose(result);
  });

  it('disposes when the body throws, and throws on', async () => {
    await expect(
      expectNoLeak(() =>
        tidyAsync(async (own) => {
          own(tf.scalar(1));
          throw new RangeError('stop');
        }),
      ),
    ).rejects.toThrow(RangeError);
    expect(tf.memory().numTensors).toBe(0);
  });

  it('lets two bodies run interleaved', async () => {
    const body = (value: number) =>
      tidyAsync(async (own) => {
        const a = own(tf.scalar(value));
        await Promise.resolve();
        const b = own(tf.square(a));
        return (await b.data())[0];
      });
    await expectNoLeak(async () => expect(await Promise.all([body(2), body(3)])).toEqual([4, 9]));
  });
});
