/** The points that a flow learns: shapes to choose, and drawn ones as they stand in the address. */
import { key, normal } from '@tfkit/core';

/** The plane that is drawn on is [-reach, reach] on both axes. */
export const reach = 3;
/** As many points as an address holds comfortably. */
export const mostPoints = 400;

type Curve = (t: number, i: number) => readonly [x: number, y: number];

const curves: Record<string, readonly [spread: number, curve: Curve]> = {
  moons: [
    0.14,
    (t, i) =>
      i % 2
        ? [Math.cos(Math.PI * t) * 1.6 - 0.8, Math.sin(Math.PI * t) * 1.6 - 0.4]
        : [0.8 - Math.cos(Math.PI * t) * 1.6, 0.4 - Math.sin(Math.PI * t) * 1.6],
  ],
  ring: [0.12, (t) => [1.9 * Math.cos(2 * Math.PI * t), 1.9 * Math.sin(2 * Math.PI * t)]],
  spiral: [0.08, (t) => [(0.3 + 2 * t) * Math.cos(9 * t), (0.3 + 2 * t) * Math.sin(9 * t)]],
  blobs: [0.3, (_, i) => [i % 2 ? 1.5 : -1.5, i % 4 < 2 ? 1.5 : -1.5]],
};

/** [count, 2] row-major, the same every time. */
export function shapePoints(shape: string, count = mostPoints): Float32Array {
  const [spread, curve] = curves[shape]!;
  const noise = normal(key(3), [count, 2]);
  return Float32Array.from({ length: 2 * count }, (_, at) => {
    const i = Math.floor(at / 2);
    return curve(i / count, i)[at % 2]! + spread * noise[at]!;
  });
}

/** Two bytes a point, in base64url. */
export function encodePoints(points: ArrayLike<number>): string {
  const bytes = Array.from(points, (value) =>
    Math.round(Math.max(0, Math.min(1, (value / reach + 1) / 2)) * 255),
  );
  return btoa(String.fromCharCode(...bytes))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replaceAll('=', '');
}

/** No points for a text that is none. */
export function decodePoints(text: string): Float32Array {
  try {
    const bytes = atob(text.replaceAll('-', '+').replaceAll('_', '/'));
    return Float32Array.from(
      { length: 2 * Math.floor(bytes.length / 2) },
      (_, i) => ((bytes.charCodeAt(i) / 255) * 2 - 1) * reach,
    );
  } catch {
    return new Float32Array();
  }
}
