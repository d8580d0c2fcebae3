import type { Fields } from '../../fields';

export const fields = {
  rates: {
    kind: 'text',
    label: 'Dilation rates, first layer first',
    initial: '1,2,5',
    pattern: /^\s*([1-9]|1\d|2[0-4])(\s*,\s*([1-9]|1\d|2[0-4])){0,5}\s*$/,
    hint: 'One to six numbers from 1 to 24, separated by commas.',
  },
  kernelSize: { kind: 'number', label: 'Kernel size', min: 2, max: 7, step: 1, initial: 3 },
} as const satisfies Fields;

export const parseRates = (text: string): number[] => text.split(',').map(Number);

/** What others chose, to begin with. */
export const examples: Readonly<Record<string, string>> = {
  'HDC 1,2,5': '1,2,5',
  'Gridding 2,2,2': '2,2,2',
  'WaveNet 1,2,4,8': '1,2,4,8',
  'HDC 1,2,5,9': '1,2,5,9',
  'ASPP branch 18': '18',
};
