/** Valid arguments of functions for which the types of their parameters do not tell enough, or why one is left out. */
import { core } from './core';
import { ddp } from './ddp';
import { diffusionSamplers } from './diffusion-samplers';
import { dilatedConv } from './dilated-conv';
import { marginSoftmax } from './margin-softmax';
import { niceFlow } from './nice-flow';
import type { Samples } from './sample';
import { segMetrics } from './seg-metrics';
import { spp } from './spp';
import { tfExportDecorator } from './tf-export-decorator';

const packages: Readonly<Record<string, Samples>> = {
  core,
  ddp,
  'diffusion-samplers': diffusionSamplers,
  'dilated-conv': dilatedConv,
  'margin-softmax': marginSoftmax,
  'nice-flow': niceFlow,
  'seg-metrics': segMetrics,
  spp,
  'tf-export-decorator': tfExportDecorator,
};

/** By the title of the function: `spp .#sppLength`. */
export const samples: Samples = Object.fromEntries(
  Object.entries(packages).flatMap(([id, given]) =>
    Object.entries(given).map(([symbol, sample]) => [`${id} ${symbol}`, sample]),
  ),
);
