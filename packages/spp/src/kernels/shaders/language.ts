/**
 * The few words in which WGSL and GLSL differ, so that a kernel is written once for both: an expression for each element
 * of a flat output, with loops of data-dependent length.
 */
import type { DataType, Tensor, TensorInfo } from '@tensorflow/tfjs-core';
import { engine, reshape } from '@tensorflow/tfjs-core';
import { sizeOf } from '@tfkit/core';

export interface Language {
  /** Declares a variable that may be assigned to. */
  int(name: string, value: string | number): string;
  float(name: string, value: string | number): string;
  /** Runs `body` for name = from, ..., to - 1. */
  loop(name: string, from: string | number, to: string | number, body: string): string;
  /** An element of an input, as an integer or a float. */
  readInt(input: string, index: string): string;
  readFloat(input: string, index: string): string;
  toInt(expression: string): string;
  isNaN(expression: string): string;
}

const wgsl: Language = {
  int: (name, value) => `var ${name} : i32 = ${value};`,
  float: (name, value) => `var ${name} : f32 = ${value};`,
  loop: (name, from, to, body) =>
    `for (var ${name} : i32 = ${from}; ${name} < ${to}; ${name} = ${name} + 1) { ${body} }`,
  readInt: (input, index) => `i32(${input}[${index}])`,
  readFloat: (input, index) => `f32(${input}[${index}])`,
  toInt: (expression) => `i32(${expression})`,
  // By its bits: a shader compiler may assume that no value is NaN.
  isNaN: (expression) => `((bitcast<u32>(${expression}) & 0x7fffffffu) > 0x7f800000u)`,
};

const glsl: Language = {
  int: (name, value) => `int ${name} = ${value};`,
  float: (name, value) => `float ${name} = ${value};`,
  loop: (name, from, to, body) => `for (int ${name} = ${from}; ${name} < ${to}; ${name}++) { ${body} }`,
  readInt: (input, index) => `int(${accessor(input)}(${index}))`,
  readFloat: (input, index) => `${accessor(input)}(${index})`,
  toInt: (expression) => `int(${expression})`,
  isNaN: (expression) => `isnan(${expression})`,
};

const accessor = (input: string) => `get${input[0]!.toUpperCase()}${input.slice(1)}`;

/** A kernel: code that leaves the element `index` of a flat output in the variable `result`. */
export interface Shader {
  /** Tells shaders apart together with their code. */
  readonly name: string;
  readonly inputs: Readonly<Record<string, Tensor>>;
  readonly shape: readonly number[];
  readonly dtype: 'float32' | 'int32';
  code(language: Language): string;
}

interface WebgpuProgram {
  readonly outputShape: number[];
  readonly workgroupSize: [number, number, number];
  readonly dispatchLayout: { readonly x: number[] };
  readonly dispatch: [number, number, number];
  readonly variableNames: string[];
  readonly uniforms: string;
  readonly shaderKey: string;
  readonly size: true;
  getUserCode(): string;
}

/** The internals of tfjs-backend-webgpu 4.22 that are used here. */
export interface WebgpuBackend {
  runWebGPUProgram?(program: WebgpuProgram, inputs: TensorInfo[], dtype: DataType): TensorInfo;
}

/** The internals of tfjs-backend-webgl 4.22 that are used here. */
export interface WebglBackend {
  compileAndRun?(
    program: { variableNames: string[]; outputShape: number[]; userCode: string },
    inputs: TensorInfo[],
    dtype: DataType,
  ): TensorInfo;
  readonly gpgpu?: { readonly gl: object };
}

/** WebGPU allows so many workgroups along one axis. */
const groupsPerAxis = 65535;

export function runWebgpu(backend: WebgpuBackend, { name, inputs, shape, dtype, code }: Shader): Tensor {
  const size = sizeOf(shape);
  const body = code(wgsl);
  const groups = Math.ceil(size / 64);
  const across = groups <= groupsPerAxis ? groups : Math.ceil(Math.sqrt(groups));
  const store = dtype === 'int32' ? 'setOutputAtIndexI32' : 'setOutputAtIndex';
  const program: WebgpuProgram = {
    outputShape: [size],
    workgroupSize: [64, 1, 1],
    dispatchLayout: { x: [0] },
    dispatch: [across, Math.ceil(groups / across), 1],
    variableNames: Object.keys(inputs),
    uniforms: '',
    shaderKey: `${name} ${body}`,
    size: true,
    getUserCode: () => `
      fn main(index : i32) {
        if (index < uniforms.size) {
          ${body}
          ${store}(index, result);
        }
      }`,
  };
  const output = backend.runWebGPUProgram!(program, flat(inputs), dtype);
  return engine().makeTensorFromTensorInfo({ dataId: output.dataId, shape: [...shape], dtype });
}

export function runWebgl(backend: WebglBackend, { inputs, shape, dtype, code }: Shader): Tensor {
  const program = {
    variableNames: Object.keys(inputs),
    outputShape: [sizeOf(shape)],
    userCode: `
      void main() {
        int index = getOutputCoords();
        ${code(glsl)}
        setOutput(float(result));
      }`,
  };
  const output = backend.compileAndRun!(program, flat(inputs), dtype);
  return engine().makeTensorFromTensorInfo({ dataId: output.dataId, shape: [...shape], dtype });
}

/** Loops of data-dependent length need WebGL 2. */
export const canLoop = (backend: WebglBackend): boolean =>
  typeof backend.compileAndRun === 'function' &&
  typeof WebGL2RenderingContext !== 'undefined' &&
  backend.gpgpu?.gl instanceof WebGL2RenderingContext;

/** tfjs lays out what webgl packs by its shape, so that only its own reshape gives a flat view. */
const flat = (inputs: Readonly<Record<string, Tensor>>): TensorInfo[] =>
  Object.values(inputs).map((tensor) => reshape(tensor, [tensor.size]));
