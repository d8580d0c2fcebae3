/** What a worker thread can be asked to do with one item of a run. */
import { evaluateImage } from './evaluateImage';
import { evaluatePanopticImage } from './panoptic';

export const tasks = { maps: evaluateImage, panoptic: evaluatePanopticImage } as const;

export type TaskName = keyof typeof tasks;
export type ItemOf<Name extends TaskName> = Parameters<(typeof tasks)[Name]>[0];
export type SettingsOf<Name extends TaskName> = Parameters<(typeof tasks)[Name]>[1];
export type ResultOf<Name extends TaskName> = Awaited<ReturnType<(typeof tasks)[Name]>>;
