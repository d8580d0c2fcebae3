/** The margins to choose from: functions of @tfkit/margin-softmax and their options. */
import type { Fields } from '../../fields';

export interface Method {
  readonly label: string;
  /** The exported function. */
  readonly name: string;
  /** Which of the sliders it obeys. */
  readonly uses: readonly ('margin' | 'scale')[];
}

export const methods: Record<string, Method> = {
  softmax: { label: 'Softmax (no margin)', name: 'softmax', uses: [] },
  normFace: { label: 'NormFace (no margin)', name: 'normFace', uses: ['scale'] },
  cosFace: { label: 'CosFace: margin on the cosine', name: 'cosFace', uses: ['margin', 'scale'] },
  arcFace: { label: 'ArcFace: margin on the angle', name: 'arcFace', uses: ['margin', 'scale'] },
  aSoftmax: { label: 'A-Softmax (SphereFace), 4 times the angle', name: 'aSoftmax', uses: [] },
  circle: { label: 'Circle loss', name: 'circle', uses: ['margin', 'scale'] },
};

export const fields = {
  method: {
    kind: 'choice',
    label: 'Loss',
    options: Object.fromEntries(Object.entries(methods).map(([value, { label }]) => [value, label])),
    initial: 'arcFace',
  },
  margin: { kind: 'number', label: 'Margin', min: 0, max: 0.8, step: 0.05, initial: 0.2 },
  scale: { kind: 'number', label: 'Scale', min: 4, max: 64, step: 2, initial: 16 },
  classes: { kind: 'number', label: 'Digits 0 to …, how many classes', min: 3, max: 10, step: 1, initial: 6 },
  steps: { kind: 'number', label: 'Steps', min: 20, max: 1000, step: 20, initial: 300 },
  seed: { kind: 'number', label: 'Seed', min: 0, max: 20, step: 1, initial: 1 },
} as const satisfies Fields;

/** The options that a method is given at a step, as values and as code. */
export function methodOptions(method: string, margin: number, scale: number): Record<string, number> {
  const { uses } = methods[method]!;
  return { ...(uses.includes('margin') && { margin }), ...(uses.includes('scale') && { scale }) };
}
