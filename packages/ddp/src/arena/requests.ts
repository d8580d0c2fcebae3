/**
 * Buckets handed from a rank's main thread to its comm worker, through the arena: a ring of requests, a count of those
 * posted and a count of those done. Ranks post the same buckets in the same order, so the comm workers meet.
 */
import { CollectiveError } from '../errors';
import { type BucketPlace, reduceBucket } from './collectives';
import { abortGroup, throwFailure } from './failure';
import type { Lane } from './lane';
import { rankBase, rankWord, requestSlots, wordsPerRequest } from './layout';
import type { Halves, SharedMemory } from './memory';

const formats: readonly (Halves | undefined)[] = [undefined, 'fp16', 'bf16'];

/** Posts a bucket; returns the number to wait for. */
export function postBucket(memory: SharedMemory, rank: number, bucket: BucketPlace): number {
  const { words } = memory;
  const base = rankBase(rank);
  const number = Atomics.load(words, base + rankWord.posted) + 1;
  if (number - Atomics.load(words, base + rankWord.completed) > requestSlots) {
    throw new RangeError(`start: at most ${requestSlots} buckets may be under way. Wait for some first.`);
  }
  writePlace(words, base, number, bucket);
  Atomics.store(words, base + rankWord.posted, number);
  memory.notify(base + rankWord.posted);
  return number;
}

/** Waits until the comm worker has done request `number`. */
export function waitForRequest(lane: Lane, number: number): void {
  const { memory, rank, worldRank, timeout } = lane;
  const index = rankBase(rank) + rankWord.completed;
  for (let spin = 0; spin < 2000; spin++) if (Atomics.load(memory.words, index) >= number) return;
  // The comm worker itself reports a rank that is late; this is for a comm worker that is gone.
  const deadline = performance.now() + timeout + 5000;
  for (;;) {
    const done = Atomics.load(memory.words, index);
    if (done >= number) return;
    throwFailure(memory, 'wait');
    if (performance.now() > deadline) {
      const text = `the communication thread of rank ${worldRank} does not answer.`;
      abortGroup(memory, worldRank, 'timeout', text);
      throw new CollectiveError(`wait: ${text}`, { rank: worldRank, reason: 'timeout' });
    }
    memory.wait(index, done, 200);
  }
}

/** The comm worker's whole life: reduces what is posted until it is told to end or the group fails. */
export function serveRequests(lane: Lane): void {
  const { memory, rank } = lane;
  const { words } = memory;
  const base = rankBase(rank);
  let done = Atomics.load(words, base + rankWord.completed);
  for (;;) {
    const posted = nextPosted(memory, base, done);
    if (posted === done) return;
    for (; done < posted; done++) {
      reduceBucket(lane, readPlace(words, base, done + 1));
      Atomics.store(words, base + rankWord.completed, done + 1);
      memory.notify(base + rankWord.completed);
    }
  }
}

/** Waits for requests beyond `done`; returns `done` when it is time to end. */
function nextPosted(memory: SharedMemory, base: number, done: number): number {
  const { words } = memory;
  for (let spin = 0; ; spin++) {
    const posted = Atomics.load(words, base + rankWord.posted);
    if (posted !== done) return posted;
    if (Atomics.load(words, base + rankWord.shutdown) === 1) return done;
    throwFailure(memory, 'bucket allReduce');
    if (spin > 200) memory.wait(base + rankWord.posted, done, 200);
  }
}

/** Tells the comm worker of a rank to end. */
export function endRequests(memory: SharedMemory, rank: number): void {
  Atomics.store(memory.words, rankBase(rank) + rankWord.shutdown, 1);
  memory.notify(rankBase(rank) + rankWord.posted);
}

const requestBase = (base: number, number: number) =>
  base + rankWord.requests + (number % requestSlots) * wordsPerRequest;

/** Offsets are below 4 GiB in threads; in processes they are kept in units of 64 bytes. */
const unit = 64;

function writePlace(words: Int32Array, base: number, number: number, bucket: BucketPlace): void {
  const at = requestBase(base, number);
  const { id, slots, out, stride, count, operation, compression } = bucket;
  const fields = [
    id,
    slots / unit,
    out / unit,
    stride / unit,
    count,
    operation,
    formats.indexOf(compression),
  ];
  fields.forEach((value, index) => {
    Atomics.store(words, at + index, value);
  });
}

function readPlace(words: Int32Array, base: number, number: number): BucketPlace {
  const at = requestBase(base, number);
  const [id, slots, out, stride, count, operation, format] = Array.from({ length: 7 }, (_, index) =>
    Atomics.load(words, at + index),
  ) as [number, number, number, number, number, number, number];
  const compression = formats[format];
  return { id, slots: slots * unit, out: out * unit, stride: stride * unit, count, operation, compression };
}
