/** Linear combination and Adam in WGSL, through the webgpu backend's own program runner. */
import type { TensorInfo } from '@tensorflow/tfjs-core';
import { allFloat32, type FastKernel, sizeOf } from '../fast';
import type { Program, Uniform, WebgpuBackend } from './program';

/** WebGPU guarantees 8 storage buffers a stage: one is the output. */
const maxInputs = 7;

/** Runs `result[index] = <expression>` over flat inputs; constants are uniforms, so that one shader serves all. */
function runElementwise(
  backend: WebgpuBackend,
  name: string,
  inputs: Record<string, TensorInfo>,
  constants: Record<string, number>,
  expression: string,
): TensorInfo {
  const tensors = Object.values(inputs);
  const size = sizeOf(tensors[0]!.shape);
  const program: Program = {
    outputShape: [size],
    workgroupSize: [64, 1, 1],
    dispatchLayout: { x: [0] },
    dispatch: [Math.ceil(size / 64), 1, 1],
    variableNames: Object.keys(inputs),
    uniforms: Object.keys(constants)
      .map((key) => `${key} : f32,`)
      .join(' '),
    shaderKey: name,
    size: true,
    getUserCode: () => `
      fn main(index : i32) {
        if (index < uniforms.size) {
          setOutputAtIndex(index, ${expression});
        }
      }`,
  };
  const flat = tensors.map(({ dataId, dtype }) => ({ dataId, shape: [size], dtype }));
  const uniforms = Object.values(constants).map((value): Uniform => ({ type: 'float32', data: [value] }));
  const output = backend.runWebGPUProgram!(program, flat, 'float32', uniforms);
  return { dataId: output.dataId, shape: [...tensors[0]!.shape], dtype: 'float32' };
}

export const linearCombination: FastKernel = (inputs, { coefficients }, backend: WebgpuBackend) => {
  const tensors = Object.values(inputs) as TensorInfo[];
  if (!backend.runWebGPUProgram || !allFloat32(...tensors)) return undefined;
  let total: TensorInfo | undefined;
  for (let next = 0; next < tensors.length; ) {
    const room = total ? maxInputs - 1 : maxInputs;
    const terms = tensors.slice(next, next + room);
    const operands = total ? [total, ...terms] : terms;
    const factors = [...(total ? [1] : []), ...coefficients.slice(next, next + room)];
    const sum = runElementwise(
      backend,
      `tfkitLinearCombination${operands.length}`,
      Object.fromEntries(operands.map((tensor, i) => [`x${i}`, tensor])),
      Object.fromEntries(factors.map((factor, i) => [`c${i}`, factor])),
      // A cast to float32 may leave the integers of its operand in the buffer.
      operands.map((_, i) => `uniforms.c${i} * f32(x${i}[index])`).join(' + '),
    );
    if (total) backend.disposeData(total.dataId);
    total = sum;
    next += terms.length;
  }
  return total;
};

export const adam: FastKernel = (inputs, attributes, backend: WebgpuBackend) => {
  const { parameter: p, firstMoment: m, secondMoment: v, gradient: g } = inputs;
  if (!backend.runWebGPUProgram || !allFloat32(p, m, v, g)) return undefined;
  const { beta1, beta2, stepSize, correction2, epsilon } = attributes;
  const first = runElementwise(
    backend,
    'tfkitAdamFirst',
    { m, g },
    { beta: beta1, rest: 1 - beta1 },
    'uniforms.beta * m[index] + uniforms.rest * g[index]',
  );
  const second = runElementwise(
    backend,
    'tfkitAdamSecond',
    { v, g },
    { beta: beta2, rest: 1 - beta2 },
    'uniforms.beta * v[index] + uniforms.rest * g[index] * g[index]',
  );
  const updated = runElementwise(
    backend,
    'tfkitAdamParameter',
    { p, m: first, v: second },
    { stepSize, inverse: 1 / correction2, epsilon },
    'p[index] - uniforms.stepSize * m[index] / (sqrt(v[index] * uniforms.inverse) + uniforms.epsilon)',
  );
  return [updated, first, second];
};
