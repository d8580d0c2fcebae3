/** Gives the registers of a finished program as few places as their lifetimes allow. */
import { after, endOp, header, liveOp, modelOp, releaseOp } from './words';

/**
 * Linear scan: a place is free again after the last instruction, or preview, that reads it. The instruction itself may
 * already write there if it goes element by element. What becomes free is written before the instruction,
 * what stays alive before each end.
 */
export function allocate(words: readonly number[], count: number) {
  const lastUse = lastUses(words, count);
  const placed: number[] = [];
  const starts: number[] = [];
  const placeOf = new Int32Array(count);
  const free: number[] = [];
  const live = new Set([0]);
  let places = 1;
  let unread: number[] = [];
  const write = (op: number, count: number, registers: Iterable<number>) => {
    placed.push(op, 0, 0, count);
    for (const register of registers) placed.push(register, 1);
  };
  const take = (register: number) => {
    const place = free.pop() ?? places++;
    placeOf[register] = place;
    live.add(place);
    if (lastUse[register]! < 0) unread.push(place);
    return place;
  };
  let begins = true;
  for (let at = 0; at < words.length; ) {
    if (begins) starts.push(placed.length);
    const [op, output, end] = [words[at]!, words[at + 1]!, after(words, at)];
    begins = op === endOp;
    // A model must not write where it reads, nor what takes more than one pass.
    let place = op === modelOp || (!begins && words[at + 3]! > 3) ? take(output) : -1;
    const dead = begins ? unread : [];
    for (let word = at + header; word < end; word += 2) {
      if (lastUse[words[word]!] === at) dead.push(placeOf[words[word]!]!);
    }
    if (begins) {
      place = placeOf[output]!;
      if (lastUse[output] === at) dead.push(place);
      unread = [];
    }
    for (const freed of dead) {
      live.delete(freed);
      free.push(freed);
    }
    if (dead.length > 0) write(releaseOp, dead.length, dead);
    if (begins) write(liveOp, live.size, live);
    if (place < 0) place = take(output);
    placed.push(op, place, words[at + 2]!, words[at + 3]!);
    for (let word = at + header; word < end; word += 2) placed.push(placeOf[words[word]!]!, words[word + 1]!);
    at = end;
  }
  return { words: placed, starts, registers: places };
}

/** Where each register is read last; the final state never dies. */
function lastUses(words: readonly number[], count: number): Int32Array {
  const lastUse = new Int32Array(count).fill(-1);
  for (let at = 0; at < words.length; ) {
    const end = after(words, at);
    for (let word = at + header; word < end; word += 2) lastUse[words[word]!] = at;
    if (words[at] === endOp) lastUse[words[at + 1]!] = end < words.length ? at : end;
    at = end;
  }
  return lastUse;
}
