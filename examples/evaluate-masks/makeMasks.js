/** Wrote the PNG files here: discs and squares, and predictions that are shifted, eroded or mistaken. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { encode } from 'fast-png';

const [width, height] = [48, 32];

function draw({ disc, square, voidBorder = false }) {
  const data = new Uint8Array(width * height);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const i = y * width + x;
      if (Math.hypot(x - disc.x, y - disc.y) <= disc.radius) data[i] = 1;
      if (Math.max(Math.abs(x - square.x), Math.abs(y - square.y)) <= square.radius)
        data[i] = square.class ?? 2;
      if (voidBorder && (x < 2 || x >= width - 2)) data[i] = 255;
    }
  }
  return encode({ data, width, height, channels: 1 });
}

const scenes = [
  { disc: { x: 14, y: 15, radius: 9 }, square: { x: 36, y: 17, radius: 7 } },
  { disc: { x: 30, y: 12, radius: 7 }, square: { x: 10, y: 20, radius: 6 } },
  { disc: { x: 12, y: 18, radius: 8 }, square: { x: 35, y: 12, radius: 8 } },
];
const mistakes = [
  ({ disc, square }) => ({ disc: { ...disc, x: disc.x + 1 }, square }),
  ({ disc, square }) => ({
    disc: { ...disc, radius: disc.radius - 1 },
    square: { ...square, y: square.y - 2 },
  }),
  ({ disc, square }) => ({ disc, square: { ...square, radius: square.radius - 2, class: 1 } }),
];
for (const folder of ['targets', 'predictions']) {
  await mkdir(join(import.meta.dirname, folder), { recursive: true });
  for (const [index, scene] of scenes.entries()) {
    const drawn = folder === 'targets' ? draw({ ...scene, voidBorder: true }) : draw(mistakes[index](scene));
    await writeFile(join(import.meta.dirname, folder, `scene${index + 1}.png`), drawn);
  }
}
