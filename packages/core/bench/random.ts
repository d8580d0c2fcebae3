/** Random numbers on the host beside those of tfjs' cpu backend, a million each. */
import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-cpu';
import { alternate, type BenchContext, type BenchRow } from '@tfkit/bench';
import { key, normal } from '@tfkit/core';
import { randomNormal, randomUniform } from '@tfkit/core/tfjs';

const shape = [1e6];

export async function benchRandom({ quick, log }: BenchContext): Promise<BenchRow[]> {
  await tf.setBackend('cpu');
  log('random numbers: 1e6 normal and uniform');
  let seed = 0;
  const times = await alternate(
    {
      normal: () => normal(key(seed++), shape),
      normalTensor: () => randomNormal(key(seed++), shape).dispose(),
      tfNormal: () => tf.randomNormal(shape).dispose(),
      uniformTensor: () => randomUniform(key(seed++), shape).dispose(),
      tfUniform: () => tf.randomUniform(shape).dispose(),
    },
    quick ? 3 : 25,
  );
  const row = (name: string, ours: number, peer: string, theirs: number): BenchRow => ({
    package: 'core',
    case: name,
    backend: 'cpu',
    peer: `${peer} ${tf.version_core}`,
    ours,
    theirs,
    unit: 'ms CPU',
    ratio: ours / theirs,
  });
  return [
    row('normal(key, [1e6])', times.normal.cpu, 'tf.randomNormal', times.tfNormal.cpu),
    row('randomNormal(key, [1e6])', times.normalTensor.cpu, 'tf.randomNormal', times.tfNormal.cpu),
    row('randomUniform(key, [1e6])', times.uniformTensor.cpu, 'tf.randomUniform', times.tfUniform.cpu),
  ];
}
