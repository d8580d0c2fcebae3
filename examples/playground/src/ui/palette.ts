/** The page's colours as numbers, for what is painted on a canvas or interpolated. Anew when light turns to dark. */
import { useEffect, useState } from 'preact/hooks';

export interface Palette {
  readonly card: string;
  readonly density: string;
  readonly strong: string;
  readonly ink: string;
  readonly points: string;
}

function readPalette(): Palette {
  const style = getComputedStyle(document.documentElement);
  const color = (name: string) => style.getPropertyValue(name).trim();
  return {
    card: color('--card'),
    density: color('--density'),
    strong: color('--series-1'),
    ink: color('--ink'),
    points: color('--series-2'),
  };
}

export function usePalette(): Palette {
  const [palette, setPalette] = useState(readPalette);
  useEffect(() => {
    const scheme = matchMedia('(prefers-color-scheme: dark)');
    const update = () => setPalette(readPalette());
    scheme.addEventListener('change', update);
    return () => scheme.removeEventListener('change', update);
  }, []);
  return palette;
}
