/** The failure of a group: the first one is kept in the arena, and every rank that waits throws it. */
import { CollectiveError, type CollectiveErrorReason, textOf } from '../errors';
import { rankBase, rankWord, reasons, word, wordsPerRank } from './layout';
import type { SharedMemory } from './memory';

const maxBytes = (word.abortTextEnd - word.abortText) * 4;

/** Records a failure, unless there is one, and wakes all ranks. The text is what they throw after their own call's name. */
export function abortGroup(
  memory: SharedMemory,
  rank: number,
  reason: CollectiveErrorReason,
  text: string,
): void {
  const { words } = memory;
  if (Atomics.compareExchange(words, word.abort, 0, rank + 1) !== 0) return;
  Atomics.store(words, word.abortReason, reasons.indexOf(reason));
  const bytes = new TextEncoder().encode(text).subarray(0, maxBytes);
  new Uint8Array(words.buffer, words.byteOffset + word.abortText * 4, bytes.length).set(bytes);
  Atomics.store(words, word.abortLength, bytes.length + 1);
  wakeAll(memory);
}

/** Wakes every rank, wherever it sleeps: tickets, requests, completions. */
function wakeAll(memory: SharedMemory): void {
  const size = Atomics.load(memory.words, word.size);
  for (let rank = 0; rank < size; rank++) {
    const base = rankBase(rank);
    for (const index of sleepWords) memory.notify(base + index);
  }
}

const sleepWords = [rankWord.posted, rankWord.completed, rankWord.lanes, rankWord.lanes + 64];

export interface GroupFailure {
  readonly rank: number;
  readonly reason: CollectiveErrorReason;
  readonly text: string;
}

/** What a rank's uncaught error means for the group: a collective that it could not complete names the rank to blame. */
export function failureFrom(rank: number, thrown: unknown): GroupFailure {
  const { name, rank: blamed, reason, message } = (thrown ?? {}) as Partial<CollectiveError>;
  if (name === 'CollectiveError' && typeof blamed === 'number' && reason) {
    return { rank: blamed, reason, text: String(message) };
  }
  return { rank, reason: 'failed', text: `rank ${rank} failed: ${textOf(thrown)}` };
}

export function failureOf({ words }: SharedMemory): GroupFailure | undefined {
  const rank = Atomics.load(words, word.abort) - 1;
  if (rank < 0) return undefined;
  // The text follows the flag at once.
  let length = 0;
  for (let spin = 0; spin < 1e6 && length === 0; spin++) length = Atomics.load(words, word.abortLength);
  const bytes = new Uint8Array(words.buffer, words.byteOffset + word.abortText * 4, Math.max(0, length - 1));
  const reason = reasons[Atomics.load(words, word.abortReason)]!;
  return { rank, reason, text: new TextDecoder().decode(bytes.slice()) };
}

/** Throws the group's failure if there is one. */
export function throwFailure(memory: SharedMemory, functionName: string): void {
  if (Atomics.load(memory.words, word.abort) === 0) return;
  const failure = failureOf(memory)!;
  throw new CollectiveError(`${functionName}: ${failure.text}`, failure);
}

/** Marks a rank as gone. The words of the others are left alone. */
export function setState(memory: SharedMemory, rank: number, state: 0 | 1 | 2): void {
  Atomics.store(memory.words, rankBase(rank) + rankWord.state, state);
  wakeAll(memory);
}

export const stateWord = (rank: number): number => word.ranks + rank * wordsPerRank + rankWord.state;
