/** Maps of the size of Cityscapes, made alike here and in peers/seg_metrics.py. */
export const [rows, columns] = [1024, 2048];

/** Object-like regions with wavy borders, a strip of 255 at the top; the prediction is the target shifted by (5, -3). */
export function coherentMaps(
  count: number,
  classes: number,
): { target: Uint8Array; prediction: Uint8Array }[] {
  let state = 7;
  const random = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
  return Array.from({ length: count }, () => {
    const field = Uint8Array.from({ length: 17 * 33 }, () => Math.floor(random() * classes));
    const phase = random() * 6;
    const cell = (a: number, b: number) =>
      field[
        Math.min(16, Math.max(0, Math.trunc(b / 64))) * 33 + Math.min(32, Math.max(0, Math.trunc(a / 64)))
      ]!;
    const target = new Uint8Array(rows * columns);
    const prediction = new Uint8Array(rows * columns);
    for (let y = 0; y < rows; y++) {
      const across = 14 * Math.sin(y * 0.07 + phase) + 6 * Math.sin(y * 0.31);
      for (let x = 0; x < columns; x++) {
        const u = x + across;
        const v = y + 12 * Math.sin(x * 0.05 + phase);
        target[y * columns + x] = y < 24 ? 255 : cell(u, v);
        prediction[y * columns + x] = cell(u + 5, v - 3);
      }
    }
    return { target, prediction };
  });
}

/** Two wavy disks of 512 x 512 pixels. */
export function disks(): { prediction: Uint8Array; target: Uint8Array } {
  const disk = (cx: number, cy: number) =>
    Uint8Array.from({ length: 512 * 512 }, (_, i) => {
      const [dy, dx] = [Math.floor(i / 512) - cy, (i % 512) - cx];
      const angle = Math.atan2(dy, dx);
      return Number(Math.hypot(dy, dx) < 140 + 18 * Math.sin(5 * angle) + 9 * Math.sin(13 * angle));
    });
  return { prediction: disk(256, 250), target: disk(262, 259) };
}
