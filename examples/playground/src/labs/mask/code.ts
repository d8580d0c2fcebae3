import { backendImports, backendSetup } from '../../snippet';
import type { Backend } from '../../worker/protocol';

interface Settings {
  readonly ignore: string;
  readonly tolerance: number;
  readonly spacing: number;
}

export function maskCode({ ignore, tolerance, spacing }: Settings, backend: Backend): string {
  const ignored = ignore === '' ? '' : `, ignoreIndex: ${ignore}`;
  return `import * as tf from '@tensorflow/tfjs-core';
${backendImports(backend)}
import {
  averageSurfaceDistance,
  boundaryF1,
  boundaryIou,
  classMasks,
  ConfusionMatrix,
  dice,
  hausdorffDistance,
  meanIou,
  normalizedSurfaceDistance,
  presetScores,
  surfaceDistances,
} from '@tfkit/seg-metrics';
import { encodePng, readLabelMap } from '@tfkit/seg-metrics/io';
import { updateFromTensors } from '@tfkit/seg-metrics/tfjs';

${backendSetup(backend)}

// Two PNG files as bytes; in a page: new Uint8Array(await file.arrayBuffer()).
const example = (first) => encodePng({ width: 8, height: 8, data: new Uint8Array(64).fill(1, first, 46) });
const [predictionFile, targetFile] = await Promise.all([example(26), example(18)]);

const prediction = await readLabelMap(predictionFile);
const target = await readLabelMap(targetFile);
const matrix = new ConfusionMatrix({ numClasses: 2, keepImages: true${ignored} });
await updateFromTensors(matrix, tf.tensor1d(prediction.data, 'int32'), tf.tensor1d(target.data, 'int32'));
console.log('mean IoU', meanIou(matrix).value, 'Dice', dice(matrix).perClass);
console.log('as mmseg has it', presetScores(matrix, 'mmseg'));

const shape = target.shape;
const masks = classMasks(prediction.data, target.data, 1${ignore === '' ? '' : `, ${ignore}`});
const distances = surfaceDistances(masks.prediction, masks.target, { shape, spacing: [${spacing}, ${spacing}] });
console.log('HD95', hausdorffDistance(distances, { percentile: 95 }), 'ASSD', averageSurfaceDistance(distances));
console.log('NSD', normalizedSurfaceDistance(distances, ${tolerance}));
console.log('boundary', boundaryIou(masks.prediction, masks.target, { shape }), boundaryF1(masks.prediction, masks.target, { shape }));
`;
}
