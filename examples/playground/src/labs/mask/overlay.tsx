/** Masks as pictures. */
import { useEffect, useRef } from 'preact/hooks';
import { classColors } from '../../colors';
import type { MaskPair } from './masks';

type Rgb = readonly [number, number, number];

const rgbOf = (hex: string): Rgb =>
  [1, 3, 5].map((at) => Number.parseInt(hex.slice(at, at + 2), 16)) as unknown as Rgb;

/** The first class, mostly background, is gray; the ignored one black. */
export const classColor = (label: number): string =>
  label === 0 ? '#9aa0a6' : classColors[(label - 1) % classColors.length]!;

const agreement = {
  background: '#9aa0a6',
  right: '#4caf7a',
  missed: '#d55e00',
  added: '#3f7fd0',
  other: '#b04fb0',
  ignored: '#000000',
};

export const agreementLegend = [
  { color: agreement.right, label: 'right' },
  { color: agreement.missed, label: 'missed: target only' },
  { color: agreement.added, label: 'added: prediction only' },
  { color: agreement.other, label: 'another class' },
  { color: agreement.ignored, label: 'ignored' },
];

/** What a pixel is, the first class being background. */
function verdict(prediction: number, target: number, ignored: number | undefined): keyof typeof agreement {
  if (target === ignored) return 'ignored';
  if (prediction === target) return target === 0 ? 'background' : 'right';
  if (prediction === 0) return 'missed';
  return target === 0 ? 'added' : 'other';
}

export type View = 'target' | 'prediction' | 'agreement';

interface MaskPictureProps {
  readonly masks: MaskPair;
  readonly view: View;
  readonly title: string;
  readonly description: string;
}

export function MaskPicture({ masks, view, title, description }: MaskPictureProps) {
  const canvas = useRef<HTMLCanvasElement>(null);
  useEffect(() => {
    const { width, height, prediction, target, ignoreIndex } = masks;
    const context = canvas.current!.getContext('2d')!;
    const image = context.createImageData(width, height);
    for (let i = 0; i < target.length; i++) {
      const color =
        view === 'agreement'
          ? agreement[verdict(prediction[i]!, target[i]!, ignoreIndex)]
          : masks[view][i] === ignoreIndex
            ? agreement.ignored
            : classColor(masks[view][i]!);
      image.data.set([...rgbOf(color), 255], 4 * i);
    }
    context.putImageData(image, 0, 0);
  }, [masks, view]);
  return (
    <figure>
      <figcaption>{title}</figcaption>
      <canvas ref={canvas} width={masks.width} height={masks.height} role="img" aria-label={description} />
    </figure>
  );
}
