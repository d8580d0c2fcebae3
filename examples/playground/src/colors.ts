/** Colours of classes and series: of Okabe and Ito where ten are needed, the page's own variables where few are. */
export const classColors = [
  '#56b4e9',
  '#e69f00',
  '#009e73',
  '#cc79a7',
  '#0072b2',
  '#d55e00',
  '#9d7ae0',
  '#8c8c3a',
  '#e06c8b',
  '#5f9ea0',
] as const;

export const series = [1, 2, 3, 4].map((n) => `var(--series-${n})`);
