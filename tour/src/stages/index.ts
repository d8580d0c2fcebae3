/** The stages of the tour, in the order in which they run. */
import type { Stage } from '../stage';
import { stage as segMetrics } from './seg-metrics';
import { stage as segmentation } from './segmentation';
import { stage as spp } from './spp';
import { stage as exports } from './tf-export-decorator';

export const stages: readonly Stage[] = [segmentation, segMetrics, spp, exports];
