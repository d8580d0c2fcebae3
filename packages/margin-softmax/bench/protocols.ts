/** The protocols on a million pairs: one second is the bar, scikit-learn and numpy the peers. */
import { rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type BenchContext, type BenchRow, median, type PeerProcess, startPeer } from '@tfkit/bench';
import {
  areaUnderCurve,
  equalErrorRate,
  retrievalScores,
  rocCurve,
  similarityMatrix,
  tenFoldVerification,
} from '@tfkit/margin-softmax/protocols';

const script = fileURLToPath(new URL('./peers/protocols.py', import.meta.url));

interface Case {
  readonly name: string;
  readonly run: string;
  readonly peer: string;
  readonly ours: () => number;
}

export async function benchProtocols(context: BenchContext): Promise<BenchRow[]> {
  const pairs = context.quick ? 50_000 : 1_000_000;
  const rows = context.quick ? 200 : 1000;
  const data = drawData(pairs, rows);
  const file = join(tmpdir(), `margin-softmax-protocols-${process.pid}.bin`);
  const peer = context.peerPython ? startPeer(context.peerPython, [script]) : undefined;
  if (!peer) context.log('margin-softmax: no PEER_PYTHON, rows of peers are left out');
  try {
    let versions: Record<string, string> = {};
    if (peer) {
      writeFileSync(file, Buffer.concat([data.scores, data.same, data.matrix].map((part) => bytesOf(part))));
      versions = await peer.request({ load: file, pairs, rows });
    }
    const result: BenchRow[] = [];
    for (const entry of casesOf(data, pairs, rows, versions)) {
      context.log(`margin-softmax: ${entry.name}`);
      result.push(await benchCase(entry, peer, context.quick ? 1 : 5));
    }
    return result;
  } finally {
    peer?.close();
    rmSync(file, { force: true });
  }
}

const bytesOf = (array: Float64Array | Uint8Array) =>
  Buffer.from(array.buffer, array.byteOffset, array.byteLength);

interface Data {
  readonly scores: Float64Array;
  readonly same: Uint8Array;
  readonly matrix: Float64Array;
  readonly labels: Int32Array;
}

/** Cosine-like scores, mates 0.25 higher on average, in shuffled order. */
function drawData(pairs: number, rows: number): Data {
  let state = 12345;
  const uniform = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
  const bell = () => (uniform() + uniform() + uniform() + uniform() - 2) / 2;
  const same = Uint8Array.from({ length: pairs }, () => Number(uniform() < 0.5));
  const labels = Int32Array.from({ length: rows }, (_, i) => i % (rows / 10));
  return {
    scores: Float64Array.from(same, (mate) => 0.25 * mate + 0.7 * bell()),
    same,
    labels,
    matrix: Float64Array.from({ length: rows * rows }, (_, i) => {
      const mates = labels[Math.floor(i / rows)] === labels[i % rows];
      return 0.25 * Number(mates) + 0.7 * bell();
    }),
  };
}

function casesOf(
  { scores, same, matrix, labels }: Data,
  pairs: number,
  rows: number,
  { sklearn, numpy }: Record<string, string>,
): Case[] {
  return [
    {
      name: `ROC curve, AUC and EER, ${pairs} pairs`,
      run: 'roc',
      peer: `scikit-learn ${sklearn} roc_curve, roc_auc_score`,
      ours: () => {
        const curve = rocCurve(scores, same);
        return areaUnderCurve(curve) + equalErrorRate(curve, { convention: 'nearest-point' }).eer;
      },
    },
    {
      name: `LFW 10-fold accuracy, 400 thresholds, ${pairs} pairs`,
      run: 'ten_fold',
      peer: `numpy ${numpy}, whole arrays a threshold`,
      ours: () =>
        tenFoldVerification(
          scores.map((score) => 2 - 2 * score),
          same,
        ).accuracy,
    },
    {
      name: `MAP@R, recall@k, ${rows} queries x ${rows} references`,
      run: 'retrieval',
      peer: `numpy ${numpy}, MAP@R by argsort`,
      ours: () =>
        retrievalScores(similarityMatrix(matrix, rows, rows), labels, labels, { excludeSelf: true }).mapAtR,
    },
  ];
}

/** Alternating; both must give the same number, or nothing is reported. */
async function benchCase(entry: Case, peer: PeerProcess | undefined, rounds: number): Promise<BenchRow> {
  const walls = { ours: [] as number[], theirs: [] as number[] };
  for (let round = -1; round < rounds; round++) {
    const start = performance.now();
    const value = entry.ours();
    const wall = performance.now() - start;
    const theirs = await peer?.request<{ wall: number; value: number }>({ run: entry.run });
    if (theirs && Math.abs(theirs.value - value) > 1e-9) {
      throw new Error(`margin-softmax bench: ${entry.name}: ${value} here, ${theirs.value} there`);
    }
    if (round < 0) continue;
    walls.ours.push(wall);
    if (theirs) walls.theirs.push(theirs.wall);
  }
  const ours = median(walls.ours);
  const theirs = walls.theirs.length > 0 ? median(walls.theirs) : null;
  return {
    ...{ package: 'margin-softmax', case: entry.name, backend: 'none', unit: 'ms' },
    peer: theirs === null ? '' : entry.peer,
    ours,
    theirs,
    ratio: theirs && ours / theirs,
    note: 'one thread, bar 1000 ms',
  };
}
