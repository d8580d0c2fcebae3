/** The receptive field of every layer of a tf.layers model, from its model.json. */

import { type LayersModel, layers, models, sequential } from '@tensorflow/tfjs-layers';
import { Aspp, analyzeModel, HdcBlock } from '@tfkit/dilated-conv/layers';
import type { TaskContext } from '../../worker/protocol';

export interface LayersInput {
  /** The text of a model.json; undefined is the example. */
  readonly json: string | undefined;
}

export interface LayerRow {
  readonly name: string;
  readonly className: string;
  /** Along the first spatial axis. */
  readonly receptiveField: number | undefined;
  readonly stride: number | undefined;
  readonly coverage: number | undefined;
  readonly remark: string;
}

export async function runLayers(
  { json }: LayersInput,
  { progress }: TaskContext<never>,
): Promise<LayerRow[]> {
  await progress(0.2, 'reading the model');
  const model = json === undefined ? exampleModel() : await parseModel(json);
  try {
    await progress(0.5, 'following its layers');
    return analyzeModel(model).map(({ name, className, axes, global, reason }) => ({
      name,
      className,
      receptiveField: axes?.[0]?.receptiveField,
      stride: axes?.[0]?.stride,
      coverage: axes?.[0]?.coverage,
      remark: [reason, global && 'some path reads the whole input', holes(axes?.[0]?.holes.length)]
        .filter(Boolean)
        .join('; '),
    }));
  } finally {
    model.dispose();
  }
}

const holes = (count = 0) => count > 0 && `${count} positions are never read`;

async function parseModel(text: string): Promise<LayersModel> {
  const json = JSON.parse(text);
  const topology = json.modelTopology ?? json;
  if (topology.model_config === undefined && topology.class_name === undefined) {
    throw new Error(
      'model.json must hold a layers model (modelTopology with model_config): a graph model has no layers.',
    );
  }
  return models.modelFromJSON(
    topology.model_config === undefined
      ? { modelTopology: { model_config: topology } }
      : { modelTopology: topology },
  );
}

/** Small, in the manner of DeepLab: its second block has rates that only look harmless. */
function exampleModel(): LayersModel {
  return sequential({
    name: 'example',
    layers: [
      layers.conv2d({
        inputShape: [64, 64, 3],
        filters: 8,
        kernelSize: 3,
        strides: 2,
        padding: 'same',
        name: 'stem',
      }),
      layers.maxPooling2d({ poolSize: 2, strides: 2, name: 'pool' }),
      new HdcBlock({ filters: 8, rates: [1, 2, 5], name: 'hdc' }) as layers.Layer,
      layers.conv2d({ filters: 8, kernelSize: 3, dilationRate: 4, padding: 'same', name: 'wide' }),
      new Aspp({ filters: 8, rates: [3, 6], name: 'aspp' }) as layers.Layer,
      layers.conv2d({ filters: 4, kernelSize: 1, name: 'classes' }),
    ],
  });
}
