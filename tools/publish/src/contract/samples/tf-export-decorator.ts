import type { Samples } from './sample';

export const tfExportDecorator: Samples = {
  '.#kerasExport': () => ['keras.relu'],
  '.#markWrapper': () => [() => 1, () => 2],
  '.#tfExport': () => ['nn.relu'],
};
