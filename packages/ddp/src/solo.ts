/** The group of one rank: every reduction is the identity. */
import { type CollectiveArray, soloCollective } from '@tfkit/core';
import { promisesOf } from './arena/group';
import { checkParts, checkResident, checkRoot, recordOf } from './arguments';
import type { ProcessGroup, ResidentBuffer, ResidentOptions, SyncProcessGroup } from './processGroup';

export function soloGroup(timeout: number, restarts = 0): ProcessGroup {
  const sync: SyncProcessGroup = {
    ...soloCollective.sync,
    allReduce: (data, op) => {
      recordOf('allReduce', data, op);
      return soloCollective.sync.allReduce(data, op);
    },
    allReduceInPlace: (data, op) => void recordOf('allReduce', data, op),
    reduceScatter<T extends CollectiveArray>(data: T, op?: 'sum'): T {
      recordOf('reduceScatter', data, op);
      checkParts(data, 1);
      return data.slice() as T;
    },
    barrier: () => {},
    gatherObject: <T>(value: T, root = 0) => {
      checkRoot('gatherObject', root, 1);
      return [structuredClone(value)];
    },
    allGatherObject: (value) => [structuredClone(value)],
    broadcastObject: (value, root = 0) => {
      checkRoot('broadcastObject', root, 1);
      return structuredClone(value);
    },
  };
  const copy = (functionName: string, buffer: ResidentBuffer, options: ResidentOptions = {}) => {
    const { start, count } = checkResident(functionName, buffer, options);
    buffer.result.set(buffer.local.subarray(start, start + count), start);
  };
  return {
    backend: 'single',
    rank: 0,
    size: 1,
    localRank: 0,
    restarts,
    timeout,
    sync,
    ...promisesOf(sync),
    allocate: (length) => ({
      length,
      local: new Float32Array(length),
      result: new Float32Array(length),
    }),
    allReduceResident: (buffer, options) => copy('allReduceResident', buffer, options),
    start: (buffer, options) => {
      copy('start', buffer, options);
      return { number: 0 };
    },
    wait: () => {},
    destroy: () => {},
  };
}
