/** Opening a shared memory from its handle, as a rank or as its comm worker. */
import { openShared } from '../processes/memory';
import type { MemoryHandle, SharedMemory } from './memory';
import { openThreadMemory } from './threadMemory';

export const openMemory = (handle: MemoryHandle): SharedMemory =>
  handle.kind === 'threads' ? openThreadMemory(handle.memory) : openShared(handle.path);
