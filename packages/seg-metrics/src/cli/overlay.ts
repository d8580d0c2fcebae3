/** Two label maps and where they differ, as a picture. */
import { encodePng } from '../io/encodePng';
import type { LabelMap } from '../io/labelMaps';

type Labels = Pick<LabelMap, 'shape' | 'data'>;

/**
 * Prediction, target and errors side by side, a PNG in base64; of a volume the plane with most errors; the longer side of
 * each at most 256 pixels.
 */
export async function overlay(
  prediction: Labels,
  target: Labels,
  ignoreIndex: number | undefined,
): Promise<string> {
  const [rows, columns] = target.shape.slice(-2) as [number, number];
  const offset = worstPlane(prediction, target, rows * columns, ignoreIndex) * rows * columns;
  const step = Math.max(1, Math.ceil(Math.max(rows, columns) / 256));
  const [height, width] = [Math.ceil(rows / step), Math.ceil(columns / step)];
  const data = new Uint8Array(height * width * 9);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const i = offset + y * step * columns + x * step;
      const [p, t] = [prediction.data[i]!, target.data[i]!];
      const ignored = t === ignoreIndex;
      const panels = [
        colorOf(p),
        ignored ? [255, 255, 255] : colorOf(t),
        ignored ? [255, 255, 255] : p === t ? [120, 120, 120] : [220, 40, 40],
      ];
      panels.forEach((rgb, panel) => {
        data.set(rgb, 3 * (y * 3 * width + panel * width + x));
      });
    }
  }
  const png = await encodePng({ width: 3 * width, height, data });
  return Buffer.from(png).toString('base64');
}

function worstPlane(
  prediction: Labels,
  target: Labels,
  size: number,
  ignoreIndex: number | undefined,
): number {
  let [worstAt, most] = [0, -1];
  for (let plane = 0; plane < target.data.length / size; plane++) {
    let wrong = 0;
    for (let i = plane * size; i < (plane + 1) * size; i++) {
      if (target.data[i] !== prediction.data[i] && target.data[i] !== ignoreIndex) wrong++;
    }
    if (wrong > most) [worstAt, most] = [plane, wrong];
  }
  return worstAt;
}

/** The colour map of PASCAL VOC: bits of the label spread over the channels. */
function colorOf(label: number): [number, number, number] {
  const rgb: [number, number, number] = [0, 0, 0];
  for (let bit = 7, c = label & 255; bit >= 0; bit--, c >>= 3) {
    for (let k = 0; k < 3; k++) rgb[k]! |= ((c >> k) & 1) << bit;
  }
  return rgb;
}
