/**
 * Writes src/data/digits.png: 240 digits of each class from MNIST's training files at half size, one class a row, the
 * first of each class in the order of the files. Run by `npm run digits`; needed only to make the file anew.
 */
import { writeFile } from 'node:fs/promises';
import { encodePng } from '@tfkit/seg-metrics/io';
import { loadMnist } from '../../../tour/src/data/mnist';
import { perClass, side } from '../src/data/sheet';

const { images, labels } = await loadMnist('train');
const sheet = { width: perClass * side, height: 10 * side };
const data = new Uint8Array(sheet.width * sheet.height);
const found = new Uint32Array(10);
for (let n = 0; found.some((count) => count < perClass); n++) {
  const digit = labels[n]!;
  const column = found[digit]!;
  if (column === perClass) continue;
  found[digit]!++;
  const at = (row: number, x: number) => images[n * 784 + row * 28 + x]!;
  for (let i = 0; i < side * side; i++) {
    const [y, x] = [Math.floor(i / side), i % side];
    const sum = at(2 * y, 2 * x) + at(2 * y, 2 * x + 1) + at(2 * y + 1, 2 * x) + at(2 * y + 1, 2 * x + 1);
    data[(digit * side + y) * sheet.width + column * side + x] = Math.round(sum / 4);
  }
}
await writeFile(new URL('../src/data/digits.png', import.meta.url), await encodePng({ ...sheet, data }));
