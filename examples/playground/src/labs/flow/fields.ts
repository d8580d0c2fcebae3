import type { Fields } from '../../fields';

export const fields = {
  shape: {
    kind: 'choice',
    label: 'Points',
    options: {
      moons: 'Two moons',
      ring: 'Ring',
      spiral: 'Spiral',
      blobs: 'Four blobs',
      own: 'Drawn by hand',
    },
    initial: 'moons',
  },
  couplings: { kind: 'number', label: 'Couplings', min: 2, max: 12, step: 1, initial: 6 },
  width: { kind: 'number', label: 'Units of a hidden layer', min: 8, max: 128, step: 8, initial: 32 },
  steps: { kind: 'number', label: 'Steps', min: 20, max: 2000, step: 20, initial: 400 },
  temperature: {
    kind: 'number',
    label: 'Temperature of the samples',
    min: 0.1,
    max: 1.5,
    step: 0.1,
    initial: 1,
  },
  seed: { kind: 'number', label: 'Seed', min: 0, max: 20, step: 1, initial: 1 },
} as const satisfies Fields;
