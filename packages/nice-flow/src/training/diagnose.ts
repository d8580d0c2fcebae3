/** Where a log-likelihood stopped being finite. */
import * as tf from '@tensorflow/tfjs-core';
import { ValueError } from '@tfkit/core';
import { forwardOf } from '../combinators/chain';
import type { Flow } from '../flow';
import { dequantizedBatch, type HostBatch } from './data';

interface Suspect {
  readonly text: string;
  readonly tensor: tf.Tensor;
}

/** The error to throw: it names the first parameter or layer that is not finite on this batch. */
export async function notFinite(
  flow: Flow,
  batch: HostBatch,
  step: number,
  value: number,
): Promise<ValueError> {
  const culprit = await firstNotFinite([...parameters(flow), ...layers(flow, batch)]);
  return new ValueError(
    `fit: the log-likelihood must stay finite, got ${value} at step ${step}: ${culprit ?? 'every layer is finite, the base density is not'}. ` +
      "Lower the learning rate, clip gradients (clipNorm), or bound the scales (scaleMap 'tanh').",
  );
}

function parameters(flow: Flow): Suspect[] {
  return Object.entries(flow.variables).map(([name, variable]) => ({
    text: `parameter '${name}' is not`,
    tensor: tf.clone(variable),
  }));
}

function layers(flow: Flow, batch: HostBatch): Suspect[] {
  const suspects: Suspect[] = [];
  tf.tidy(() => {
    const scope = flow.scope({ context: batch.context, mode: 'training' });
    const { x } = dequantizedBatch(flow, batch, scope);
    forwardOf(flow.bijector, x, {
      ...scope,
      observe: ({ path, bijector, result }) => {
        for (const part of ['z', 'logDet'] as const) {
          const text = `${part} of layer '${path}' (${bijector.name}) is the first that is not`;
          suspects.push({ text, tensor: tf.keep(tf.clone(result[part])) });
        }
      },
    });
  });
  return suspects;
}

async function firstNotFinite(suspects: readonly Suspect[]): Promise<string | undefined> {
  try {
    for (const { text, tensor } of suspects) {
      const values = await tensor.data();
      if (!values.every(Number.isFinite)) return text;
    }
    return undefined;
  } finally {
    tf.dispose(suspects.map(({ tensor }) => tensor));
  }
}
