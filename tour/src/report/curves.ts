/** A picture of curves that nearly coincide, as a file of its own. */
import { lineY, text } from '@observablehq/plot';
import { plotSvg } from './render';

export interface Curve {
  readonly name: string;
  /** y at x = 1, 2, 3, ... */
  readonly values: readonly number[];
}

/** Of Okabe and Ito: apart for colour-blind readers. */
const colors = ['#0072b2', '#e69f00', '#009e73', '#cc79a7', '#d55e00', '#56b4e9'];

/**
 * A standalone SVG file, black on white. Earlier curves are wider than later ones, so that each stays visible where they
 * cover each other.
 */
export function curvesSvg(curves: readonly Curve[], labels: { x: string; y: string }): string {
  const svg = plotSvg({
    width: 640,
    height: 360,
    style: { fontSize: '12px', background: 'white', color: 'black' },
    x: { label: labels.x },
    y: { label: labels.y, grid: true },
    marks: curves.flatMap(({ name, values }, index) => {
      const stroke = colors[index % colors.length]!;
      return [
        lineY(values, {
          x: (_, i) => i + 1,
          y: (value) => value,
          stroke,
          strokeWidth: 2.5 * (curves.length - index) - 1,
        }),
        text([`■ ${name}`], {
          frameAnchor: 'top-right',
          dx: -60,
          dy: 18 * index,
          textAnchor: 'start',
          fill: stroke,
        }),
      ];
    }),
  });
  return svg.includes('xmlns=') ? svg : svg.replace('<svg', '<svg xmlns="http://www.w3.org/2000/svg"');
}
