/** The labs in the order of the navigation. */
import type { ComponentType } from 'preact';
import type { LabProps } from '../ui/lab';
import { DilatedLab } from './dilated/lab';
import { FlowLab } from './flow/lab';
import { MarginLab } from './margin/lab';
import { MaskLab } from './mask/lab';
import { SamplerLab } from './sampler/lab';

export interface LabEntry {
  readonly name: string;
  readonly title: string;
  readonly Lab: ComponentType<LabProps>;
}

export const labs: readonly LabEntry[] = [
  { name: 'sampler', title: 'Sampler', Lab: SamplerLab },
  { name: 'dilated', title: 'Dilated', Lab: DilatedLab },
  { name: 'margin', title: 'Margin', Lab: MarginLab },
  { name: 'mask', title: 'Masks', Lab: MaskLab },
  { name: 'flow', title: 'Flow', Lab: FlowLab },
];
