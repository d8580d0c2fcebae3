/**
 * Every method beside its formula in float64, written with arccos as the papers have it. What a method takes for
 * constant in the backward pass is frozen at the point of differentiation: `make(x, w)` is called there once.
 */
import * as m from '../src';

export const labels = [0, 3, 1, 3, 4, 2];
export const [batch, numClasses, features] = [labels.length, 7, 5];

/** Losses of the samples, from float64 embeddings and weights, flat. */
export type Losses = (x: ArrayLike<number>, w: ArrayLike<number>) => number[];

export interface Method {
  readonly margin: m.Margin;
  readonly make: (x: ArrayLike<number>, w: ArrayLike<number>) => Losses;
  readonly options?: Pick<m.MarginLossOptions, 'key'>;
  readonly margins?: readonly number[];
  /** Running numbers to start from. */
  readonly state?: Readonly<Record<string, number>>;
}

const norm = (v: number[]) => Math.hypot(...v);
const dot = (a: number[], b: number[]) => a.reduce((sum, value, i) => sum + value * b[i]!, 0);
const row = (data: ArrayLike<number>, i: number) =>
  Array.from({ length: features }, (_, j) => data[i * features + j]!);
const clamp = (value: number, low: number, high: number) => Math.min(high, Math.max(low, value));
const softplus = (z: number) => Math.max(z, 0) + Math.log1p(Math.exp(-Math.abs(z)));

export function crossEntropy(z: number[], y: number): number {
  const max = Math.max(...z);
  return max + Math.log(z.reduce((sum, value) => sum + Math.exp(value - max), 0)) - z[y]!;
}

interface Angles {
  readonly cos: number;
  readonly theta: number;
  readonly xNorm: number;
  readonly wNorm: number;
  readonly product: number;
}

function anglesOf(x: ArrayLike<number>, w: ArrayLike<number>, i: number, j: number, count = 1): Angles {
  const best = Array.from({ length: count }, (_, k) => {
    const [a, b] = [row(x, i), row(w, j * count + k)];
    const cos = dot(a, b) / (norm(a) * norm(b));
    return { cos, theta: Math.acos(cos), xNorm: norm(a), wNorm: norm(b), product: dot(a, b) };
  });
  return best.reduce((a, b) => (b.cos > a.cos ? b : a));
}

/** Cross-entropy of logits given for the true class and for the others. */
const softmaxOf =
  (own: (a: Angles, i: number) => number, other: (a: Angles, i: number) => number, count = 1): Losses =>
  (x, w) =>
    labels.map((y, i) => {
      const z = Array.from({ length: numClasses }, (_, j) => {
        const a = anglesOf(x, w, i, j, count);
        return j === y ? own(a, i) : other(a, i);
      });
      return crossEntropy(z, y);
    });

const plain = (margin: m.Margin, own: (a: Angles, i: number) => number): Method => ({
  margin,
  make: () =>
    softmaxOf(
      (a, i) => margin.scale * own(a, i),
      (a) => margin.scale * a.cos,
    ),
});

const psi = (theta: number, factor: number) => {
  const k = Math.floor((factor * theta) / Math.PI);
  return (-1) ** k * Math.cos(factor * theta) - 2 * k;
};

const pastPi = {
  none: (theta: number, margin: number) => Math.cos(theta + margin),
  fallback: (theta: number, margin: number) =>
    theta + margin <= Math.PI ? Math.cos(theta + margin) : Math.cos(theta) - margin * Math.sin(margin),
  easy: (theta: number, margin: number) => (Math.cos(theta) > 0 ? Math.cos(theta + margin) : Math.cos(theta)),
  reflect: (theta: number, margin: number) =>
    theta + margin <= Math.PI ? Math.cos(theta + margin) : -2 - Math.cos(theta + margin),
};

const target = (x: ArrayLike<number>, w: ArrayLike<number>) => labels.map((y, i) => anglesOf(x, w, i, y));
const mean = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;

function sphereFace2Method(form: 'C' | 'A' | 'M', size: number): Method {
  const [r, t, balance] = [12, 3, 0.7];
  const g = (u: number) => 2 * ((u + 1) / 2) ** t - 1;
  const own = {
    C: (a: Angles) => g(a.cos) - size,
    A: (a: Angles) => g(Math.cos(Math.min(Math.PI, a.theta + size))),
    M: (a: Angles) => g(Math.cos(Math.min(Math.PI, a.theta * size))),
  }[form];
  const shift = form === 'C' ? size : 0;
  return {
    margin: m.sphereFace2({ form, margin: size, scale: r, t, balance }),
    make: () => (x, w) =>
      labels.map((y, i) => {
        let loss = 0;
        for (let j = 0; j < numClasses; j++) {
          const a = anglesOf(x, w, i, j);
          if (j === y) loss += (balance / r) * softplus(-r * own(a));
          else loss += ((1 - balance) / r) * softplus(r * (g(a.cos) + shift));
        }
        return loss;
      }),
  };
}

const drawn = [0.5, 0.45, 0.52, 0.4, 0.55, 0.48];

/** One entry a method and form; the contract tests run over all. */
export const methods: Readonly<Record<string, Method>> = {
  softmax: {
    margin: m.softmax(),
    make: () =>
      softmaxOf(
        (a) => a.product,
        (a) => a.product,
      ),
  },
  normFace: plain(m.normFace({ scale: 9 }), (a) => a.cos),
  coco: plain(m.coco({ scale: 6 }), (a) => a.cos),
  'lSoftmax m 3': {
    margin: m.lSoftmax({ margin: 3, lambda: 2 }),
    make: () =>
      softmaxOf(
        (a) => (a.wNorm * a.xNorm * (2 * a.cos + psi(a.theta, 3))) / 3,
        (a) => a.product,
      ),
  },
  'aSoftmax m 4': {
    margin: m.aSoftmax({ margin: 4, lambda: 5 }),
    make: () =>
      softmaxOf(
        (a) => (a.xNorm * (5 * a.cos + psi(a.theta, 4))) / 6,
        (a) => a.xNorm * a.cos,
      ),
  },
  cosFace: plain(m.cosFace({ margin: 0.3, scale: 12 }), (a) => a.cos - 0.3),
  amSoftmax: plain(m.amSoftmax({ margin: 0.2, scale: 10 }), (a) => a.cos - 0.2),
  ...Object.fromEntries(
    (['none', 'fallback', 'easy', 'reflect'] as const).map((rule) => [
      `arcFace ${rule}`,
      plain(m.arcFace({ margin: 0.5, scale: 12, pastPi: rule }), (a) => pastPi[rule](a.theta, 0.5)),
    ]),
  ),
  'arcFace s 80, where exp needs a maximum': plain(m.arcFace({ margin: 0.5, scale: 80 }), (a) =>
    Math.cos(a.theta + 0.5),
  ),
  combined: plain(
    m.combined({ m1: 0.9, m2: 0.4, m3: 0.15, scale: 12 }),
    (a) => Math.cos(0.9 * a.theta + 0.4) - 0.15,
  ),
  interClassFilter: {
    margin: m.interClassFilter(m.cosFace({ margin: 0.3, scale: 12 }), 0.2),
    make: (x0, w0) => {
      const filtered = labels.map((_, i) =>
        Array.from({ length: numClasses }, (_, j) => anglesOf(x0, w0, i, j).cos > 0.2),
      );
      return (x, w) =>
        labels.map((y, i) => {
          const z = Array.from({ length: numClasses }, (_, j) => {
            const { cos } = anglesOf(x, w, i, j);
            return 12 * (j === y ? cos - 0.3 : filtered[i]![j] ? 0 : cos);
          });
          return crossEntropy(z, y);
        });
    },
  },
  subCenter: {
    margin: m.subCenter(m.arcFace({ margin: 0.4, scale: 10 }), 2),
    make: () =>
      softmaxOf(
        (a) => 10 * Math.cos(a.theta + 0.4),
        (a) => 10 * a.cos,
        2,
      ),
  },
  'adaCos fixed': plain(m.adaCos({ numClasses, form: 'fixed' }), (a) => a.cos),
  'adaCos dynamic': {
    margin: m.adaCos({ numClasses }),
    state: { scale: 2 },
    make: (x, w) => {
      const sums = labels.map((y, i) =>
        Array.from({ length: numClasses }, (_, j) => (j === y ? 0 : Math.exp(2 * anglesOf(x, w, i, j).cos))),
      );
      const average = mean(sums.map((terms) => terms.reduce((sum, value) => sum + value, 0)));
      const sorted = target(x, w)
        .map((a) => a.theta)
        .sort((a, b) => a - b);
      const median = (sorted[2]! + sorted[3]!) / 2;
      const s = Math.log(average) / Math.cos(Math.min(Math.PI / 4, median));
      return softmaxOf(
        (a) => s * a.cos,
        (a) => s * a.cos,
      );
    },
  },
  curricularFace: {
    margin: m.curricularFace({ margin: 0.5, scale: 10 }),
    state: { t: 0.3 },
    make: (x, w) => {
      const t = 0.01 * mean(target(x, w).map((a) => a.cos)) + 0.99 * 0.3;
      const thresholds = target(x, w).map((a) => Math.cos(a.theta + 0.5));
      return softmaxOf(
        (a) => 10 * pastPi.fallback(a.theta, 0.5),
        (a, i) => 10 * (a.cos > thresholds[i]! ? a.cos * (t + a.cos) : a.cos),
      );
    },
  },
  magFace: {
    margin: m.magFace({ norms: [0.5, 3], margins: [0.3, 0.7], penalty: 2, scale: 10, pastPi: 'none' }),
    make: () => (x, w) => {
      const lengths = labels.map((_, i) => clamp(norm(row(x, i)), 0.5, 3));
      const losses = softmaxOf(
        (a, i) => 10 * Math.cos(a.theta + 0.3 + (0.4 * (lengths[i]! - 0.5)) / 2.5),
        (a) => 10 * a.cos,
      )(x, w);
      return losses.map((loss, i) => loss + 2 * (lengths[i]! / 9 + 1 / lengths[i]!));
    },
  },
  adaFace: {
    margin: m.adaFace({ margin: 0.4, scale: 10, momentum: 1 }),
    make: (x, w) => {
      const lengths = labels.map((_, i) => norm(row(x, i)));
      const average = mean(lengths);
      const std = Math.sqrt(lengths.reduce((sum, n) => sum + (n - average) ** 2, 0) / (batch - 1));
      const q = lengths.map((n) => clamp((0.333 * (n - average)) / (std + 0.001), -1, 1));
      void w;
      return softmaxOf(
        (a, i) => 10 * (Math.cos(a.theta - 0.4 * q[i]!) - 0.4 - 0.4 * q[i]!),
        (a) => 10 * a.cos,
      );
    },
  },
  'elasticFace arc': {
    ...plain(m.elasticFace({ form: 'arc', scale: 10 }), (a, i) => Math.cos(a.theta + drawn[i]!)),
    margins: drawn,
  },
  'elasticFace cos plus': {
    margin: m.elasticFace({ form: 'cos', scale: 10, plus: true }),
    margins: drawn,
    make: (x, w) => {
      const cosines = target(x, w).map((a) => a.cos);
      const order = labels.map((_, i) => i).sort((a, b) => cosines[b]! - cosines[a]!);
      const sorted = [...drawn].sort((a, b) => a - b);
      const used = labels.map((_, i) => sorted[order.indexOf(i)]!);
      return softmaxOf(
        (a, i) => 10 * (a.cos - used[i]!),
        (a) => 10 * a.cos,
      );
    },
  },
  circle: {
    margin: m.circle({ margin: 0.25, scale: 6 }),
    make: (x0, w0) => {
      const frozen = labels.map((_, i) =>
        Array.from({ length: numClasses }, (_, j) => anglesOf(x0, w0, i, j).cos),
      );
      return (x, w) =>
        labels.map((y, i) => {
          const z = Array.from({ length: numClasses }, (_, j) => {
            const { cos } = anglesOf(x, w, i, j);
            const c = frozen[i]![j]!;
            return (
              6 * (j === y ? Math.max(0, 1.25 - c) * (cos - 0.75) : Math.max(0, c + 0.25) * (cos - 0.25))
            );
          });
          return crossEntropy(z, y);
        });
    },
  },
  'sphereFace2 C': sphereFace2Method('C', 0.4),
  'sphereFace2 A': sphereFace2Method('A', 0.5),
  'sphereFace2 M': sphereFace2Method('M', 1.7),
  'sphereFaceR v0': plain(m.sphereFaceR({ form: 'v0', margin: 1.5, scale: 8 }), (a) => psi(a.theta, 1.5)),
  'sphereFaceR v1': plain(m.sphereFaceR({ form: 'v1', margin: 1.5, scale: 8 }), (a) =>
    Math.cos(Math.min(Math.PI, 1.5 * a.theta)),
  ),
  'sphereFaceR v2': {
    margin: m.sphereFaceR({ form: 'v2', margin: 1.5, scale: 8 }),
    make: () =>
      softmaxOf(
        (a) => 8 * a.cos,
        (a) => 8 * Math.cos(a.theta / 1.5),
      ),
  },
};
