/** maskAveragePrecision against pycocotools on random masks with crowds, ties of score and all three size ranges. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { type CocoRle, maskAveragePrecision } from '../src/index';

interface Annotation {
  readonly image_id: number;
  readonly category_id: number;
  readonly segmentation: CocoRle;
}
interface Fixture {
  readonly targets: readonly (Annotation & { iscrowd: number; area: number })[];
  readonly detections: readonly (Annotation & { score: number })[];
  readonly expected: Record<string, number> & { perCategory: Record<string, number> };
}
const { targets, detections, expected }: Fixture = JSON.parse(
  readFileSync(new URL('./golden/mask-ap.json', import.meta.url), 'utf8'),
);
const of = ({ image_id: imageId, category_id: categoryId, segmentation: mask }: Annotation) => ({
  ...{ imageId, categoryId, mask },
});
const ours = detections.map((d) => ({ ...of(d), score: d.score }));
const theirs = targets.map((t) => ({ ...of(t), iscrowd: t.iscrowd, area: t.area }));

describe('maskAveragePrecision', () => {
  it("gives pycocotools' numbers", () => {
    const { perCategory, ...numbers } = maskAveragePrecision(ours, theirs);
    expect(expected.apLarge).toBeGreaterThan(0);
    for (const [name, value] of Object.entries(numbers)) expect(value, name).toBeCloseTo(expected[name]!, 12);
    for (const [category, value] of perCategory) {
      expect(value).toBeCloseTo(expected.perCategory[category]!, 12);
    }
    expect(perCategory.size).toBe(3);
  });

  it('with one detection an image too', () => {
    const { ap, ar } = maskAveragePrecision(ours, theirs, { maxDetections: 1 });
    expect(ap).toBeCloseTo(expected.apOneDetection!, 12);
    expect(ar).toBeCloseTo(expected.arOneDetection!, 12);
  });

  it('refuses scores that are no number', () => {
    expect(() => maskAveragePrecision([{ ...ours[0]!, score: NaN }], theirs)).toThrow(/finite scores/);
  });
});
