/** Selecting the largest of many numbers without sorting them all. */
import type { NumberArray } from './checks';

/** Keeps the `count` largest numbers that are added: a binary heap whose root is the smallest kept. */
export function largestOf(count: number): { add(value: number): void; descending(): Float64Array } {
  const heap = new Float64Array(count);
  let size = 0;
  const siftDown = (value: number) => {
    let hole = 0;
    for (let child = 1; child < size; child = 2 * hole + 1) {
      if (child + 1 < size && heap[child + 1]! < heap[child]!) child++;
      if (heap[child]! >= value) break;
      heap[hole] = heap[child]!;
      hole = child;
    }
    heap[hole] = value;
  };
  const siftUp = (value: number) => {
    let hole = size++;
    while (hole > 0 && heap[(hole - 1) >> 1]! > value) {
      heap[hole] = heap[(hole - 1) >> 1]!;
      hole = (hole - 1) >> 1;
    }
    heap[hole] = value;
  };
  return {
    add(value) {
      if (size < count) siftUp(value);
      else if (value > heap[0]!) siftDown(value);
    },
    descending: () => heap.slice(0, size).sort().reverse(),
  };
}

/** A function that gives the indices of a row's `count` largest values, descending, equal ones by index. `skip` is left out. */
export function rankedIndices(length: number): (row: NumberArray, count: number, skip: number) => Int32Array {
  const values = new Float64Array(length);
  return (row, count, skip) => {
    for (let i = 0; i < length; i++) values[i] = i === skip ? -Infinity : row[i]!;
    const available = skip < 0 ? length : length - 1;
    const wanted = Math.min(count, available);
    const limit = values.slice().sort()[length - wanted]!;
    const chosen = new Int32Array(wanted);
    let filled = 0;
    for (let i = 0; i < length; i++) if (values[i]! > limit && i !== skip) chosen[filled++] = i;
    for (let i = 0; i < length && filled < wanted; i++) {
      if (values[i] === limit && i !== skip) chosen[filled++] = i;
    }
    return chosen.sort((a, b) => values[b]! - values[a]! || a - b);
  };
}
