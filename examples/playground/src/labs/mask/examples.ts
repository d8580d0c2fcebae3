/** A pair of masks to begin with: three shapes, and a prediction that moves, merges and misses. */

export interface LabelPair {
  readonly prediction: Uint8Array;
  readonly target: Uint8Array;
  readonly width: number;
  readonly height: number;
}

const [width, height] = [128, 96];

type Shape = (x: number, y: number) => boolean;
const ellipse =
  (cx: number, cy: number, rx: number, ry: number): Shape =>
  (x, y) =>
    ((x - cx) / rx) ** 2 + ((y - cy) / ry) ** 2 <= 1;
const box =
  (left: number, top: number, right: number, bottom: number): Shape =>
  (x, y) =>
    x >= left && x < right && y >= top && y < bottom;

function paint(shapes: readonly (readonly [label: number, shape: Shape])[]): Uint8Array {
  const labels = new Uint8Array(width * height);
  for (const [label, inside] of shapes) {
    for (let i = 0; i < labels.length; i++) if (inside(i % width, Math.floor(i / width))) labels[i] = label;
  }
  return labels;
}

export function exampleMasks(): LabelPair {
  const border: readonly [number, Shape] = [255, (x, y) => x < 3 || y < 3];
  return {
    ...{ width, height },
    target: paint([
      [1, ellipse(40, 50, 26, 20)],
      [2, box(74, 20, 112, 50)],
      [3, ellipse(92, 74, 12, 10)],
      border,
    ]),
    prediction: paint([
      [1, ellipse(43, 52, 25, 21)],
      [2, box(76, 18, 110, 52)],
      [2, ellipse(92, 60, 6, 5)],
      [3, ellipse(93, 75, 9, 9)],
      [1, ellipse(18, 82, 5, 4)],
    ]),
  };
}
