/**
 * tf.layers classes of this package's blocks, registered under names that begin with 'DilatedConv', so that models with
 * them save and load; and the analyser of models.
 */
import { serialization } from '@tensorflow/tfjs-core';
import { Aspp } from './aspp';
import { ContextModule } from './contextModule';
import { DeepLabDecoder } from './deepLabDecoder';
import { DenseAspp } from './denseAspp';
import { Duc } from './duc';
import { HdcBlock } from './hdcBlock';
import { Tcn } from './tcn';
import { WaveNet } from './waveNet';

export type { ReceptivePlan, WindowPlan } from '../design/receptivePlan';
export { type AxisView, analyzeModel, type LayerView } from './analyzeModel';
export { Aspp, type AsppArgs, type AsppVersion } from './aspp';
export type { BlockLayerArgs, HasReceptivePlan } from './block';
export { ContextModule, type ContextModuleArgs } from './contextModule';
export { DeepLabDecoder, type DeepLabDecoderArgs } from './deepLabDecoder';
export { DenseAspp, type DenseAsppArgs } from './denseAspp';
export { Duc, type DucArgs } from './duc';
export { HdcBlock, type HdcBlockArgs } from './hdcBlock';
export { Tcn, type TcnArgs } from './tcn';
export { WaveNet, type WaveNetArgs } from './waveNet';

/** Registers the classes with tfjs, so that saved models with them load. Importing this module calls it. */
export function registerLayers(): void {
  for (const layer of [Aspp, ContextModule, DeepLabDecoder, DenseAspp, Duc, HdcBlock, Tcn, WaveNet]) {
    serialization.registerClass(
      layer as unknown as serialization.SerializableConstructor<serialization.Serializable>,
    );
  }
}

registerLayers();
