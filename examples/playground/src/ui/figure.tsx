/** A plot of Observable Plot as wide as its place, with a sentence for those who do not see it. */
import { type PlotOptions, plot } from '@observablehq/plot';
import type { ComponentChildren } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';

interface FigureProps {
  readonly title: string;
  /** What the plot shows, in words and numbers. */
  readonly description: string;
  /** Undefined while there is nothing to show. */
  readonly options: PlotOptions | undefined;
  /** Height over width. Default 0.62. */
  readonly aspect?: number;
  readonly children?: ComponentChildren;
}

export function Figure({ title, description, options, aspect = 0.62, children }: FigureProps) {
  const box = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState(0);
  useEffect(() => {
    const observer = new ResizeObserver(([entry]) => setWidth(Math.floor(entry!.contentRect.width)));
    observer.observe(box.current!);
    return () => observer.disconnect();
  }, []);
  useEffect(() => {
    if (!options || width === 0) return;
    const height = Math.round(width * aspect);
    box.current!.replaceChildren(plot({ ...options, width, height, className: 'plot' }));
  }, [options, width, aspect]);
  return (
    <figure>
      <figcaption>{title}</figcaption>
      <div ref={box} role="img" aria-label={description} style={{ aspectRatio: `1 / ${aspect}` }} />
      {children}
    </figure>
  );
}
