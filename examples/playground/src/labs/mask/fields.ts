import type { Fields } from '../../fields';

export const fields = {
  ignore: {
    kind: 'text',
    label: 'Ignored label of the target',
    initial: '255',
    pattern: /^(\d{1,5})?$/,
    hint: 'A number, or nothing.',
  },
  tolerance: {
    kind: 'number',
    label: 'Tolerance of NSD, in units of the spacing',
    min: 0.5,
    max: 10,
    step: 0.5,
    initial: 2,
  },
  spacing: { kind: 'number', label: 'Size of a pixel', min: 0.1, max: 5, step: 0.1, initial: 1 },
} as const satisfies Fields;
