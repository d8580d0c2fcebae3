/** RealNVP fits a ring, and gives samples and log-probabilities. */
import * as tf from '@tensorflow/tfjs-core';
import { key, normal } from '@tfkit/core';
import { ensureGradients, ensureKernels } from '@tfkit/core/tfjs';
import { fit, realNVP } from '@tfkit/nice-flow';

export async function job(): Promise<string> {
  await ensureGradients();
  await ensureKernels();
  const noise = normal(key(0), [256, 2]);
  const ring = noise.map((value, i) => {
    const other = noise[i % 2 === 0 ? i + 1 : i - 1]!;
    return (2 * value) / Math.hypot(value, other);
  });
  const flow = realNVP({ shape: [2], couplings: 2, hidden: [16], key: key(1) });
  const seen: number[] = [];
  await fit(flow, ring, {
    key: key(2),
    steps: 12,
    batchSize: 128,
    onProgress: ({ logLikelihood }) => void seen.push(logLikelihood),
  });
  const samples = flow.sample(4, { key: key(3) });
  const logProb = flow.logProb(samples);
  const values = [...(await samples.data()), ...(await logProb.data())];
  tf.dispose([samples, logProb]);
  flow.dispose();
  if (values.length !== 12 || !values.every(Number.isFinite)) throw new Error(`nice-flow: ${values}`);
  if (!(seen.at(-1)! > seen[0]!)) throw new Error(`nice-flow: log-likelihoods ${seen}`);
  return `log-likelihood ${seen[0]!.toFixed(2)} to ${seen.at(-1)!.toFixed(2)} nats`;
}
