/** A rational-quadratic spline of one number, plainly, as the paper writes it: the reference of the tests. */
interface Options {
  readonly bins?: number;
  readonly bound?: number;
  readonly tails?: string;
  readonly minBinWidth?: number;
  readonly minBinHeight?: number;
  readonly derivatives?: string;
  readonly direction: 'forward' | 'inverse';
}

export function float64Spline(point: number, raw: readonly number[], options: Options) {
  const { bins = 8, bound = 3, tails = 'identity', minBinWidth = 1e-3, minBinHeight = 1e-3 } = options;
  const sizes = (numbers: readonly number[], least: number) => {
    const powers = numbers.map(Math.exp);
    const sum = powers.reduce((a, b) => a + b);
    return powers.map((power) => 2 * bound * (least + ((1 - bins * least) * power) / sum));
  };
  const knots = (widths: number[]) => {
    const all = [-bound];
    for (const width of widths) all.push(all[all.length - 1]! + width);
    return all;
  };
  const xs = knots(sizes(raw.slice(0, bins), minBinWidth));
  const ys = knots(sizes(raw.slice(bins, 2 * bins), minBinHeight));
  const positive = (r: number) =>
    1e-3 + (options.derivatives === 'exp' ? Math.exp(r) : Math.log(1 + Math.exp(r)));
  const given = raw.slice(2 * bins).map(positive);
  const slopes =
    tails === 'identity' ? [1, ...given, 1] : tails === 'circular' ? [...given, given[0]!] : given;

  const map = (x: number): number => {
    if (tails === 'circular') {
      const turns = Math.floor((x + bound) / (2 * bound));
      return inner(x - 2 * bound * turns).y + 2 * bound * turns;
    }
    if (x < -bound) return tails === 'identity' ? x : -bound + slopes[0]! * (x + bound);
    if (x > bound) return tails === 'identity' ? x : bound + slopes[bins]! * (x - bound);
    return inner(x).y;
  };
  const slopeAt = (x: number): number => {
    if (tails === 'circular') return inner(x - 2 * bound * Math.floor((x + bound) / (2 * bound))).slope;
    if (x < -bound) return tails === 'identity' ? 1 : slopes[0]!;
    if (x > bound) return tails === 'identity' ? 1 : slopes[bins]!;
    return inner(x).slope;
  };
  const inner = (x: number) => {
    let k = 0;
    while (k < bins - 1 && x >= xs[k + 1]!) k++;
    const [w, h, d, e] = [xs[k + 1]! - xs[k]!, ys[k + 1]! - ys[k]!, slopes[k]!, slopes[k + 1]!];
    const [theta, s] = [(x - xs[k]!) / w, h / w];
    const below = s + (d + e - 2 * s) * theta * (1 - theta);
    return {
      y: ys[k]! + (h * (s * theta ** 2 + d * theta * (1 - theta))) / below,
      slope: (s ** 2 * (e * theta ** 2 + 2 * s * theta * (1 - theta) + d * (1 - theta) ** 2)) / below ** 2,
    };
  };
  if (options.direction === 'forward') return { value: map(point), logSlope: Math.log(slopeAt(point)) };
  let [low, high] = [-1e4, 1e4];
  for (let i = 0; i < 200; i++) {
    const middle = (low + high) / 2;
    if (map(middle) < point) low = middle;
    else high = middle;
  }
  return { value: low, logSlope: Math.log(slopeAt(low)) };
}
