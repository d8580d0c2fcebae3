/** Heads as tf.layers layers. Importing this module registers them, so that saved models load. */
import { serialization } from '@tensorflow/tfjs-core';
import { MarginLossLayer } from './marginLossLayer';

serialization.registerClass(MarginLossLayer);

export { MarginLossLayer, type MarginLossLayerArgs, marginLossLayer, meanOfOutput } from './marginLossLayer';
