/** A canvas to draw points on, with a pointer or with the keyboard: arrows move a cross, space puts points there. */
import { useEffect, useRef, useState } from 'preact/hooks';
import { type Palette, usePalette } from '../../ui/palette';
import { mostPoints, reach } from './points';

interface DrawingProps {
  readonly points: Float32Array;
  onPoints(points: Float32Array): void;
}

const size = 320;
/** Points of one dab, scattered around it. */
const dab = 3;
const scatter = 0.12;

export function Drawing({ points, onPoints }: DrawingProps) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const [cross, setCross] = useState<readonly [number, number]>();
  // The points as they are now: a stroke is faster than rendering.
  const latest = useRef(points);
  latest.current = points;

  const palette = usePalette();
  useEffect(() => draw(canvas.current!, points, cross, palette), [points, cross, palette]);

  const put = (x: number, y: number) => {
    const room = mostPoints - latest.current.length / 2;
    const added = Array.from(
      { length: 2 * Math.min(dab, room) },
      (_, i) => (i % 2 ? y : x) + scatter * gauss(),
    );
    latest.current = Float32Array.from([...latest.current, ...added]);
    onPoints(latest.current);
  };
  const onPointer = (event: PointerEvent) => {
    if (event.buttons !== 1) return;
    const box = canvas.current!.getBoundingClientRect();
    put(
      ((event.clientX - box.left) / box.width) * 2 * reach - reach,
      reach - ((event.clientY - box.top) / box.height) * 2 * reach,
    );
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const moves: Record<string, readonly [number, number]> = {
      ArrowLeft: [-0.2, 0],
      ArrowRight: [0.2, 0],
      ArrowUp: [0, 0.2],
      ArrowDown: [0, -0.2],
    };
    const [x, y] = cross ?? [0, 0];
    const move = moves[event.key];
    if (move) setCross([clamp(x + move[0]), clamp(y + move[1])]);
    else if (event.key === ' ') put(x, y);
    else return;
    event.preventDefault();
  };
  return (
    <div class="drawing">
      {/* biome-ignore lint/a11y/noInteractiveElementToNoninteractiveRole: it takes the arrow keys itself. */}
      <canvas
        ref={canvas}
        width={size}
        height={size}
        tabIndex={0}
        role="application"
        aria-label="Drawing area"
        aria-describedby="drawing-hint"
        onPointerDown={(event) => {
          event.currentTarget.setPointerCapture(event.pointerId);
          onPointer(event);
        }}
        onPointerMove={onPointer}
        onKeyDown={onKeyDown}
        onBlur={() => setCross(undefined)}
      />
      <small id="drawing-hint">
        Draw with a finger or the mouse, or with the keyboard: arrows move a cross, space puts points there.{' '}
        <span role="status">{points.length / 2} points.</span>
      </small>
    </div>
  );
}

const clamp = (value: number) => Math.max(-reach, Math.min(reach, value));

const gauss = () => Math.sqrt(-2 * Math.log(1 - Math.random())) * Math.cos(2 * Math.PI * Math.random());

function draw(
  canvas: HTMLCanvasElement,
  points: Float32Array,
  cross: readonly [number, number] | undefined,
  palette: Palette,
): void {
  const context = canvas.getContext('2d')!;
  const at = (value: number) => ((value + reach) / (2 * reach)) * size;
  context.clearRect(0, 0, size, size);
  context.fillStyle = palette.points;
  for (let i = 0; i < points.length; i += 2) {
    context.beginPath();
    context.arc(at(points[i]!), size - at(points[i + 1]!), 2, 0, 2 * Math.PI);
    context.fill();
  }
  if (!cross) return;
  const [x, y] = [at(cross[0]), size - at(cross[1])];
  context.strokeStyle = palette.ink;
  context.beginPath();
  context.moveTo(x - 8, y);
  context.lineTo(x + 8, y);
  context.moveTo(x, y - 8);
  context.lineTo(x, y + 8);
  context.stroke();
}
