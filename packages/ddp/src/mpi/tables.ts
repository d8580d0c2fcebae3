/**
 * Open MPI and MPICH behind one binding. Their handles differ: addresses of variables in Open MPI, numbers in MPICH and in
 * what shares its ABI (Intel MPI, MVAPICH, Cray). Both tables list the element types in the order of `arena/types.ts`.
 */
import type { Library } from '../koffi';

export interface Handles {
  readonly implementation: 'Open MPI' | 'MPICH';
  /** C type of handles. */
  readonly handleType: 'void *' | 'int';
  readonly world: unknown;
  readonly types: readonly unknown[];
  /** sum, max, min. */
  readonly operations: readonly unknown[];
  readonly byte: unknown;
  readonly inPlace: number;
  readonly anySource: number;
}

/** The table of a library by what `MPI_Get_library_version` says; undefined for neither. */
export function handlesOf(version: string, library: Library): Handles | undefined {
  if (/Open MPI/i.test(version)) return openMpi(library);
  if (/MPICH|Intel\(R\) MPI|MVAPICH|CRAY/i.test(version)) return mpich;
  return undefined;
}

function openMpi(library: Library): Handles {
  const at = (name: string) => library.symbol(`ompi_mpi_${name}`, 'void *');
  const types = ['float', 'double', 'int32_t', 'uint32_t', 'int16_t', 'uint16_t', 'int8_t', 'uint8_t'];
  return {
    implementation: 'Open MPI',
    handleType: 'void *',
    world: at('comm_world'),
    types: types.map(at),
    operations: ['op_sum', 'op_max', 'op_min'].map(at),
    byte: at('byte'),
    inPlace: 1,
    anySource: -1,
  };
}

const mpich: Handles = {
  implementation: 'MPICH',
  handleType: 'int',
  world: 0x44000000,
  types: [0x4c00040a, 0x4c00080b, 0x4c000439, 0x4c00043d, 0x4c000238, 0x4c00023c, 0x4c000137, 0x4c00013b],
  operations: [0x58000003, 0x58000001, 0x58000002],
  byte: 0x4c00010d,
  inPlace: -1,
  anySource: -2,
};
