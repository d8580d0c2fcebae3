/** Timing candidates fairly: alternating in one run, medians, CPU beside wall time. */
import { spawn } from 'node:child_process';

export interface Timing {
  /** Median wall time, ms. */
  readonly wall: number;
  /** Median CPU time of the process, ms. Dependable with one thread even when the machine is busy. */
  readonly cpu: number;
}

/**
 * Times each candidate `rounds` times, taking turns, after one warm-up each. A candidate must await its results
 * (`await tensor.data()`), or only their start is timed.
 */
export async function alternate<K extends string>(
  candidates: Record<K, () => unknown>,
  rounds: number,
): Promise<Record<K, Timing>> {
  const names = Object.keys(candidates) as K[];
  const samples = new Map(names.map((name) => [name, { wall: [] as number[], cpu: [] as number[] }]));
  for (const name of names) await candidates[name]();
  for (let round = 0; round < rounds; round++) {
    for (const name of names) {
      const cpuStart = process.cpuUsage();
      const wallStart = performance.now();
      await candidates[name]();
      const wall = performance.now() - wallStart;
      const { user, system } = process.cpuUsage(cpuStart);
      samples.get(name)!.wall.push(wall);
      samples.get(name)!.cpu.push((user + system) / 1000);
    }
  }
  return Object.fromEntries(
    names.map((name) => {
      const { wall, cpu } = samples.get(name)!;
      return [name, { wall: median(wall), cpu: median(cpu) }];
    }),
  ) as Record<K, Timing>;
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/**
 * Environment of every native peer (torch, TensorFlow): one thread unless said, and a malloc that keeps freed blocks.
 * With glibc's defaults torch's convolution is up to 8 times slower, for page faults alone.
 */
export function peerEnvironment(threads = 1): NodeJS.ProcessEnv {
  return {
    ...process.env,
    MALLOC_TRIM_THRESHOLD_: '4000000000',
    MALLOC_MMAP_THRESHOLD_: '4000000000',
    MALLOC_TOP_PAD_: '268435456',
    OMP_NUM_THREADS: String(threads),
    TF_NUM_INTRAOP_THREADS: String(threads),
    TF_NUM_INTEROP_THREADS: String(threads),
    PEER_THREADS: String(threads),
  };
}

/** A peer that stays loaded and runs one repetition a request, so that it can take turns with ours. */
export interface PeerProcess {
  /** Sends one line of JSON and resolves with the line of JSON that the peer answers. */
  request<T = unknown>(message: unknown): Promise<T>;
  close(): void;
}

/** Starts `python script` (or any program) that answers each line of JSON on stdin with one on stdout. */
export function startPeer(program: string, args: readonly string[], threads = 1): PeerProcess {
  const child = spawn(program, args, { env: peerEnvironment(threads), stdio: ['pipe', 'pipe', 'inherit'] });
  const waiting: { resolve(value: unknown): void; reject(error: Error): void }[] = [];
  let buffered = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    buffered += text;
    for (let end = buffered.indexOf('\n'); end >= 0; end = buffered.indexOf('\n')) {
      const line = buffered.slice(0, end);
      buffered = buffered.slice(end + 1);
      const request = waiting.shift();
      try {
        request?.resolve(JSON.parse(line));
      } catch {
        request?.reject(new Error(`the peer answered no JSON: ${line}`));
      }
    }
  });
  const fail = (error: Error) => {
    for (const { reject } of waiting.splice(0)) reject(error);
  };
  child.on('error', fail);
  child.on('exit', (code) => fail(new Error(`${program} ${args.join(' ')} ended with code ${code}`)));
  return {
    request: <T>(message: unknown) =>
      new Promise<T>((resolve, reject) => {
        waiting.push({ resolve: resolve as (value: unknown) => void, reject });
        child.stdin.write(`${JSON.stringify(message)}\n`);
      }),
    close: () => child.stdin.end(),
  };
}
