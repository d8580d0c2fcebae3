/**
 * The tour's segmentation data: handwritten digits at random places and sizes on cluttered canvases, with the class of
 * each pixel. The clutter (pieces of other digits, as in Mnih et al., Recurrent Models of Visual Attention, 2014;
 * strokes; noise) is as bright as the digits, so that brightness alone does not tell them apart.
 */
import { createRandom, type Random } from '../random';
import type { Digits } from './mnist';

/** Side of a canvas in pixels. */
export const canvasSize = 64;

/** Class 0 is the background, class 1 + d the digit d. */
export const classNames: readonly string[] = ['background', ...'0123456789'];

export interface Canvases {
  readonly count: number;
  /** Gray values [count, 64, 64]. */
  readonly images: Uint8Array;
  /** Class of each pixel [count, 64, 64], 0 to 10. */
  readonly targets: Uint8Array;
}

/** A digit's pixel belongs to it from this gray value on. */
const inkThreshold = 96;

/** `count` canvases that depend on the digits and the seed alone. */
export function drawCanvases(digits: Digits, count: number, seed: number): Canvases {
  const size = canvasSize ** 2;
  const images = new Uint8Array(count * size);
  const targets = new Uint8Array(count * size);
  for (let index = 0; index < count; index++) {
    const span = [index * size, (index + 1) * size] as const;
    drawCanvas(digits, createRandom(seed, index), images.subarray(...span), targets.subarray(...span));
  }
  return { count, images, targets };
}

interface Box {
  readonly x: number;
  readonly y: number;
  readonly side: number;
}

function drawCanvas(digits: Digits, random: Random, image: Uint8Array, target: Uint8Array): void {
  for (let left = random.integer(1, 3); left > 0; left--) drawFragment(digits, random, image);
  for (let left = random.integer(1, 2); left > 0; left--) drawStroke(random, image);

  const placed: Box[] = [];
  const wanted = random.integer(1, 3);
  for (let attempt = 0; placed.length < wanted && attempt < 20; attempt++) {
    const box = placeBox(random, random.integer(28, 36));
    if (placed.some((other) => overlaps(box, other))) continue;
    placed.push(box);
    const index = random.integer(0, digits.count - 1);
    const label = digits.labels[index]!;
    drawGray(digits, index, box, image, (pixel, gray) => {
      if (gray >= inkThreshold) target[pixel] = 1 + label;
    });
  }
  // The sum of two uniform bytes: triangular noise with a standard deviation of 10 gray values.
  const noise = random.bytes(2 * image.length);
  for (let pixel = 0; pixel < image.length; pixel++) {
    const deviation = (noise[2 * pixel]! + noise[2 * pixel + 1]! - 255) / 10.4;
    image[pixel] = Math.max(0, Math.min(255, Math.round(image[pixel]! + deviation)));
  }
}

function placeBox(random: Random, side: number): Box {
  return { x: random.integer(0, canvasSize - side), y: random.integer(0, canvasSize - side), side };
}

/** MNIST's ink fills the middle 20 of 28 pixels, so boxes whose middles keep 0.4 of both sides apart do not touch. */
function overlaps(a: Box, b: Box): boolean {
  const reach = 0.4 * (a.side + b.side);
  const apart = (p: number, q: number) => Math.abs(p + a.side / 2 - q - b.side / 2) >= reach;
  return !apart(a.x, b.x) && !apart(a.y, b.y);
}

/** A square piece of a digit, of a third of its side, anywhere. */
function drawFragment(digits: Digits, random: Random, image: Uint8Array): void {
  const box = placeBox(random, random.integer(28, 36));
  const side = Math.round(box.side / 3);
  const window = { x: random.integer(0, canvasSize - side), y: random.integer(0, canvasSize - side), side };
  // The piece is cut from the middle, where the ink is.
  const cut = Math.round(random.uniform(0.2, 0.45) * box.side);
  drawGray(
    digits,
    random.integer(0, digits.count - 1),
    { ...box, x: window.x - cut, y: window.y - cut },
    image,
    undefined,
    window,
  );
}

/** Draws a digit, resampled bilinearly to the box, lighter of it and what is there; only inside `window`. */
function drawGray(
  digits: Digits,
  index: number,
  box: Box,
  image: Uint8Array,
  mark?: (pixel: number, gray: number) => void,
  window: Box = { x: 0, y: 0, side: canvasSize },
): void {
  const { width, height } = digits;
  const source = digits.images.subarray(index * width * height, (index + 1) * width * height);
  const end = (position: number, edge: number) => Math.min(position + box.side, edge + window.side);
  for (let y = Math.max(box.y, window.y); y < end(box.y, window.y); y++) {
    const sourceY = ((y - box.y + 0.5) / box.side) * height - 0.5;
    for (let x = Math.max(box.x, window.x); x < end(box.x, window.x); x++) {
      const gray = sample(source, width, height, ((x - box.x + 0.5) / box.side) * width - 0.5, sourceY);
      const pixel = y * canvasSize + x;
      image[pixel] = Math.max(image[pixel]!, gray);
      mark?.(pixel, gray);
    }
  }
}

/** Bilinear interpolation, edges repeated. */
function sample(source: Uint8Array, width: number, height: number, x: number, y: number): number {
  const left = Math.max(0, Math.min(width - 2, Math.floor(x)));
  const top = Math.max(0, Math.min(height - 2, Math.floor(y)));
  const dx = Math.max(0, Math.min(1, x - left));
  const dy = Math.max(0, Math.min(1, y - top));
  const first = top * width + left;
  const above = source[first]! * (1 - dx) + source[first + 1]! * dx;
  const below = source[first + width]! * (1 - dx) + source[first + width + 1]! * dx;
  return above * (1 - dy) + below * dy;
}

/** A straight stroke about 2 pixels wide with soft edges. */
function drawStroke(random: Random, image: Uint8Array): void {
  const [x0, y0] = [random.uniform(0, canvasSize), random.uniform(0, canvasSize)];
  const angle = random.uniform(0, Math.PI);
  const [dx, dy] = [Math.cos(angle), Math.sin(angle)];
  const length = random.uniform(10, 30);
  const ink = random.uniform(150, 255);
  const [x1, y1] = [x0 + length * dx, y0 + length * dy];
  const from = (a: number, b: number) => Math.max(0, Math.floor(Math.min(a, b) - 2));
  const to = (a: number, b: number) => Math.min(canvasSize - 1, Math.ceil(Math.max(a, b) + 2));
  for (let y = from(y0, y1); y <= to(y0, y1); y++) {
    for (let x = from(x0, x1); x <= to(x0, x1); x++) {
      const along = Math.max(0, Math.min(length, (x - x0) * dx + (y - y0) * dy));
      const distance = Math.hypot(x - x0 - along * dx, y - y0 - along * dy);
      const gray = ink * Math.max(0, Math.min(1, 1.6 - distance));
      const pixel = y * canvasSize + x;
      image[pixel] = Math.max(image[pixel]!, gray);
    }
  }
}
