import { expect, it } from 'vitest';
import { decodePng, encodePng, readLabelMap } from '../src/io';

it('decodes PNG and NIfTI.gz with the browser own streams', async () => {
  const data = Uint8Array.from({ length: 300 * 200 }, (_, i) => i % 251);
  const palette = Uint8Array.from({ length: 768 }, (_, i) => i % 256);
  const bytes = await encodePng({ width: 300, height: 200, data, palette });
  expect((await decodePng(bytes)).data).toEqual(data);
  bytes[60]! ^= 255;
  await expect(decodePng(bytes)).rejects.toThrow(/checksum/);

  const volume = new Uint8Array(352 + 24);
  const view = new DataView(volume.buffer);
  view.setInt32(0, 348, true);
  [3, 2, 3, 4].forEach((n, i) => {
    view.setInt16(40 + 2 * i, n, true);
  });
  view.setInt16(70, 2, true);
  [1, 0.5, 0.5, 2].forEach((step, i) => {
    view.setFloat32(76 + 4 * i, step, true);
  });
  view.setFloat32(108, 352, true);
  volume.set([110, 43, 49], 344);
  volume.set(
    Array.from({ length: 24 }, (_, i) => i),
    352,
  );
  const stream = new Blob([volume]).stream().pipeThrough(new CompressionStream('gzip'));
  const map = await readLabelMap(new Uint8Array(await new Response(stream).arrayBuffer()));
  expect(map.shape).toEqual([4, 3, 2]);
  expect(map.spacing).toEqual([2, 0.5, 0.5]);
  expect([...map.data]).toEqual(Array.from({ length: 24 }, (_, i) => i));
});
