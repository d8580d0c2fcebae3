/** The stages of the tour, in the order in which they run. */
import type { Stage } from '../stage';
import { stage as ddp } from './ddp';
import { stage as diffusionSamplers } from './diffusion-samplers';
import { stage as dilatedConv } from './dilated-conv';
import { stage as marginSoftmax } from './margin-softmax';
import { stage as niceFlow } from './nice-flow';
import { stage as rectifiedFlow } from './rectified-flow';
import { stage as segMetrics } from './seg-metrics';
import { stage as segmentation } from './segmentation';
import { stage as splineFlow } from './spline-flow';
import { stage as spp } from './spp';
import { stage as exports } from './tf-export-decorator';

export const stages: readonly Stage[] = [
  segmentation,
  segMetrics,
  dilatedConv,
  spp,
  marginSoftmax,
  niceFlow,
  splineFlow,
  diffusionSamplers,
  rectifiedFlow,
  ddp,
  exports,
];
