/** Files that a visitor might bring. */
import { encodePng } from '@tfkit/seg-metrics/io';

const json = (name: string, content: unknown) => ({
  name,
  mimeType: 'application/json',
  buffer: Buffer.from(JSON.stringify(content)),
});

export const schedulerConfig = json('scheduler_config.json', {
  _class_name: 'EulerDiscreteScheduler',
  beta_schedule: 'scaled_linear',
  beta_start: 0.00085,
  beta_end: 0.012,
  use_karras_sigmas: true,
  prediction_type: 'epsilon',
});

const convolution = (name: string, dilation: number, extra: object = {}) => ({
  class_name: 'Conv2D',
  config: {
    name,
    filters: 4,
    kernel_size: [3, 3],
    dilation_rate: [dilation, dilation],
    padding: 'same',
    ...extra,
  },
});

/** A 3 x 3 convolution and one of rate 4, as tf.layers saves them. */
export const labelsModel = json('model.json', {
  format: 'layers-model',
  modelTopology: {
    keras_version: 'tfjs-layers 4.22.0',
    backend: 'tensor_flow.js',
    model_config: {
      class_name: 'Sequential',
      config: {
        name: 'small',
        layers: [
          convolution('plain', 1, { batch_input_shape: [null, 32, 32, 3] }),
          convolution('dilated', 4),
        ],
      },
    },
  },
  weightsManifest: [],
});

/** Three blobs in five dimensions, far apart. */
export const csvOfBlobs = {
  name: 'blobs.csv',
  mimeType: 'text/csv',
  buffer: Buffer.from(
    ['a,b,c,d,e,label']
      .concat(
        Array.from({ length: 120 }, (_, n) => {
          const at = (axis: number) => (axis === n % 3 ? 4 : 0) + Math.sin(12.9898 * n + 78.233 * axis);
          return [
            ...Array.from({ length: 5 }, (_, axis) => at(axis).toFixed(3)),
            ['ant', 'bee', 'cat'][n % 3],
          ].join();
        }),
      )
      .join('\n'),
  ),
};

/** A gray PNG of 2 x 2 pixels. */
export async function pngOf(name: string, labels: readonly number[]) {
  const bytes = await encodePng({ width: 2, height: 2, data: Uint8Array.from(labels) });
  return { name, mimeType: 'image/png', buffer: Buffer.from(bytes) };
}
