/** The probability-flow ODE of a mixture in the plane, adaptive steps, 4,096 points: beside scipy and batched torch code. */
import { fileURLToPath } from 'node:url';
import { type BenchContext, type BenchRow, median, startPeer } from '@tfkit/bench';
import { seededNoise } from '@tfkit/diffusion-samplers';
import { decode, type ItemModel, vpSde } from '@tfkit/diffusion-samplers/sde';

const script = fileURLToPath(new URL('./peers/adaptive_ode.py', import.meta.url));
const [weights, deviations] = [
  [0.5, 0.3, 0.2],
  [0.25, 0.35, 0.2],
];
const means = [
  [1, 0.5],
  [-0.8, -1],
  [0.2, -0.6],
] as const;

/** The score of the mixture, each point at its own level. */
export const score: ItemModel<Float64Array> = (x, { alpha, sigma }) => {
  const out = new Float64Array(x.length);
  const [share, inverse] = [new Float64Array(3), new Float64Array(3)];
  for (let item = 0; item < alpha.length; item++) {
    const [a, s, p, q] = [alpha[item]!, sigma[item]!, x[2 * item]!, x[2 * item + 1]!];
    let top = -Infinity;
    for (let k = 0; k < 3; k++) {
      const variance = (a * deviations[k]!) ** 2 + s * s;
      const [d, e] = [p - a * means[k]![0], q - a * means[k]![1]];
      inverse[k] = 1 / variance;
      share[k] = Math.log(weights[k]! / variance) - (d * d + e * e) / (2 * variance);
      top = Math.max(top, share[k]!);
    }
    let total = 0;
    for (let k = 0; k < 3; k++) {
      share[k] = Math.exp(share[k]! - top);
      total += share[k]!;
    }
    let [u, v] = [0, 0];
    for (let k = 0; k < 3; k++) {
      const factor = (share[k]! / total) * inverse[k]!;
      u -= factor * (p - a * means[k]![0]);
      v -= factor * (q - a * means[k]![1]);
    }
    out[2 * item] = u;
    out[2 * item + 1] = v;
  }
  return out;
};

interface Answer {
  readonly ms: number;
  readonly x: number[];
}

export async function benchAdaptiveOde({ quick, peerPython, log }: BenchContext): Promise<BenchRow[]> {
  const points = 4096;
  const few = quick ? 16 : 256;
  const [rtol, rounds] = [1e-5, quick ? 3 : 15];
  const x = Float64Array.from(seededNoise(1)(-1, [1, 2 * points]));
  const peer = peerPython ? startPeer(peerPython, [script]) : undefined;
  try {
    const names = peer && (await peer.request<{ scipy: string; torch: string }>({ info: 1 }));
    const options = { sde: vpSde(), prediction: 'score', shape: [points, 2], rtol, atol: rtol } as const;
    const times = { item: [] as number[], batch: [] as number[], torch: [] as number[] };
    let [distance, calls] = [0, 0];
    const all = peer ? Array.from(x) : [];
    for (let round = -2; round < rounds; round++) {
      for (const control of ['item', 'batch'] as const) {
        const start = performance.now();
        const result = await decode(score, x, { ...options, control });
        if (round >= 0) times[control].push(performance.now() - start);
        calls = result.modelCalls;
        if (!peer || control === 'item') continue;
        const answer = await peer.request<Answer>({ x: all, rtol, method: 'torch' });
        if (round >= 0) times.torch.push(answer.ms);
        distance = Math.max(...answer.x.map((value, i) => Math.abs(value - result.x[i]!)));
      }
    }
    log(
      `diffusion-samplers: ${calls} calls of the field; largest distance to torch ${distance.toExponential(1)}`,
    );
    // Point by point: the time of some points, times how many there are.
    const looped = peer && (await peer.request<Answer>({ x: all, rtol, method: 'scipy', points: few }));
    const scipy = looped ? (looped.ms * points) / few : null;
    const torch = peer ? median(times.torch) : null;
    const row = (control: 'item' | 'batch', other: number | null, name: string, bar: string): BenchRow => {
      const ours = median(times[control]);
      return {
        ...{
          package: 'diffusion-samplers',
          backend: 'Float64Array',
          unit: 'ms',
          peer: name,
          ours,
          theirs: other,
        },
        case: `adaptive ODE, dopri5, 2-D mixture, 4096 points, rtol 1e-5, ${control === 'item' ? 'a step for each point' : 'one step for all'}`,
        ...{ ratio: other === null ? null : ours / other, note: bar },
      };
    };
    return [
      row('item', scipy, names ? `${names.scipy}, looped (${few} points, scaled)` : '', 'bar 1'),
      row('item', torch, names?.torch ?? '', 'bar 2'),
      row('batch', torch, names?.torch ?? '', 'bar 2'),
    ];
  } finally {
    peer?.close();
  }
}
