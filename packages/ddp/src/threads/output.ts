/** Output of a rank that blocks: written at once and not by way of the parent, which would lose it. */
import { writeSync } from 'node:fs';

/** Makes `process.stdout` and `process.stderr` of this thread write by themselves, each line after `prefix`. */
export function writeDirectly(prefix: string): void {
  for (const [stream, fd] of [
    [process.stdout, 1],
    [process.stderr, 2],
  ] as const) {
    const lines = new LinePrefixer(prefix, (text) => writeAll(fd, text));
    stream.write = ((chunk: string | Uint8Array, encoding?: unknown, callback?: unknown) => {
      lines.write(typeof chunk === 'string' ? chunk : Buffer.from(chunk).toString());
      const done = typeof encoding === 'function' ? encoding : callback;
      if (typeof done === 'function') queueMicrotask(() => done());
      return true;
    }) as typeof stream.write;
    process.on('exit', () => lines.end());
  }
}

/** Puts a prefix before each line and passes on whole lines. */
export class LinePrefixer {
  private rest = '';

  constructor(
    private readonly prefix: string,
    private readonly pass: (text: string) => void,
  ) {}

  write(text: string): void {
    if (!this.prefix) {
      this.pass(text);
      return;
    }
    const lines = (this.rest + text).split('\n');
    this.rest = lines.pop()!;
    if (lines.length > 0) this.pass(lines.map((line) => `${this.prefix}${line}\n`).join(''));
  }

  /** The last line, if it has no end. */
  end(): void {
    if (this.rest) this.pass(`${this.prefix}${this.rest}\n`);
    this.rest = '';
  }
}

/** Writes at once, whatever the thread; a full pipe is waited for, one that nobody reads is given up. */
export function writeAll(fd: number, text: string): void {
  let bytes = Buffer.from(text);
  while (bytes.length > 0) {
    try {
      bytes = bytes.subarray(writeSync(fd, bytes));
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      // A pipe that is full for the moment; one that nobody reads ends the output.
      if (code !== 'EAGAIN') return;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1);
    }
  }
}
