/** What the kernels here use of tfjs-backend-webgpu 4.22: its runner of WGSL programs. */
import type { DataType, TensorInfo } from '@tensorflow/tfjs-core';

/** Numbers that a program is given beside its tensors, in the order of its `uniforms`. */
export interface Uniform {
  readonly type: 'float32' | 'int32';
  readonly data: number[];
}

/** What tfjs-backend-webgpu 4.22 calls a program, as far as it is needed: `main` is called for every index. */
export interface Program {
  readonly outputShape: number[];
  /** Elements that one index of the output's buffer holds: 1 or 4. */
  readonly outputComponent?: number;
  readonly workgroupSize: [number, number, number];
  readonly dispatchLayout: { readonly x: number[] };
  readonly dispatch: [number, number, number];
  readonly variableNames: string[];
  readonly variableComponents?: number[];
  readonly uniforms: string;
  readonly shaderKey: string;
  readonly size?: true;
  getUserCode(): string;
}

export interface WebgpuBackend {
  runWebGPUProgram?(program: Program, inputs: TensorInfo[], dtype: DataType, uniforms: Uniform[]): TensorInfo;
  disposeData(dataId: object): boolean;
}
