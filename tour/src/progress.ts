/** Progress in the terminal: a bar with elapsed time, or plain lines where the output is not a terminal. */
import { SingleBar } from 'cli-progress';

export interface Progress {
  start(stage: string): void;
  update(fraction: number, text: string): void;
  finish(seconds: number): void;
  fail(reason: string): void;
  /** Gives the terminal back. */
  close(): void;
}

export function terminalProgress(stream: NodeJS.WriteStream): Progress {
  return stream.isTTY ? barProgress(stream) : lineProgress((line) => void stream.write(`${line}\n`));
}

function barProgress(stream: NodeJS.WriteStream): Progress {
  let bar: SingleBar | undefined;
  let stage = '';
  const stop = () => {
    bar?.stop();
    bar = undefined;
  };
  return {
    start(name) {
      stage = name;
      bar = new SingleBar({
        stream,
        format: '{stage} [{bar}] {percentage}% | {duration_formatted} | {text}',
        hideCursor: true,
        clearOnComplete: true,
        linewrap: false,
        fps: 10,
        // Ctrl-C is the tour's own business.
        gracefulExit: false,
      });
      bar.start(100, 0, { stage: name.padEnd(18), text: '' });
    },
    update: (fraction, text) => bar?.update(Math.round(100 * fraction), { text }),
    finish(seconds) {
      stop();
      stream.write(`${stage.padEnd(18)} done in ${seconds.toFixed(1)} s\n`);
    },
    fail(reason) {
      stop();
      stream.write(`${stage.padEnd(18)} ${reason}\n`);
    },
    close: stop,
  };
}

/** A line at the start, at every quarter and at the end. */
export function lineProgress(write: (line: string) => void): Progress {
  let stage = '';
  let begun = 0;
  let quarter = 0;
  return {
    start(name) {
      stage = name;
      begun = performance.now();
      quarter = 0;
      write(`${stage}: started`);
    },
    update(fraction, text) {
      if (Math.floor(4 * fraction) <= quarter) return;
      quarter = Math.floor(4 * fraction);
      const seconds = ((performance.now() - begun) / 1000).toFixed(1);
      write(`${stage}: ${Math.round(100 * fraction)}%, ${seconds} s, ${text}`);
    },
    finish: (seconds) => write(`${stage}: done in ${seconds.toFixed(1)} s`),
    fail: (reason) => write(`${stage}: ${reason}`),
    close: () => {},
  };
}
