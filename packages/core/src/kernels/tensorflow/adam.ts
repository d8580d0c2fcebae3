/** TensorFlow's fused Adam, which works on resource variables only. */
import * as tf from '@tensorflow/tfjs-core';
import type { AdamAttributes } from '../../adam';
import { allFloat32, type FastKernel } from '../fast';
import { attributesOf, type TensorflowBackend } from './backend';

/**
 * ResourceApplyAdam on three resource variables. A variable shares its buffer with the tensor assigned to it until it is
 * written to, so each costs one copy and the inputs stay as they are.
 */
export const adam: FastKernel = (inputs, attributes, backend: TensorflowBackend) => {
  const { parameter, firstMoment, secondMoment, gradient } = inputs;
  if (!allFloat32(parameter, firstMoment, secondMoment, gradient)) return undefined;
  const { beta1, beta2, stepSize, correction2, epsilon } = attributes;
  if (parameter.size <= largestOnHost && !backend.isUsingGpuDevice) {
    const values = [parameter, firstMoment, secondMoment, gradient].map(({ dataId }) =>
      backend.readSync(dataId),
    );
    return hostAdam(values, attributes).map((updated) => tf.tensor(updated, parameter.shape, 'float32'));
  }
  const { binding } = backend;
  const { float, bool } = attributesOf(backend);
  const [p, m, v, g] = backend.getInputTensorIds([parameter, firstMoment, secondMoment, gradient]) as [
    number,
    number,
    number,
    number,
  ];
  // TensorFlow's step size is lr sqrt(1 - beta2^t) / (1 - beta1^t), and its epsilon is not corrected: with both
  // powers given as 0, the step size and epsilon of algorithm 1 take that form.
  const root = Math.sqrt(correction2);
  const { handles, numbers } = workspace(backend, [0, 0, stepSize * root, beta1, beta2, epsilon * root]);
  [p, m, v].forEach((value, i) => {
    binding.executeOp('AssignVariableOp', [float('dtype')], [handles[i]!, value], 0);
  });
  const apply = [float('T'), bool('use_locking', false), bool('use_nesterov', false)];
  binding.executeOp('ResourceApplyAdam', apply, [...handles, ...numbers, g], 0);
  return handles.map((handle) => {
    const [value] = binding.executeOp('ReadVariableOp', [float('dtype')], [handle], 1);
    return backend.createOutputTensor(value!);
  });
};

/** Numbers up to which a loop here is faster than the seven calls of TensorFlow that a step takes. */
const largestOnHost = 2 ** 14;

/** The new parameter, first and second moment; what is given stays as it is. */
function hostAdam(
  [parameter, firstMoment, secondMoment, gradient]: readonly Float32Array[],
  { beta1, beta2, stepSize, correction2, epsilon }: AdamAttributes,
): Float32Array[] {
  const size = parameter!.length;
  const [p, m, v] = [new Float32Array(size), new Float32Array(size), new Float32Array(size)];
  for (let i = 0; i < size; i++) {
    const g = gradient![i]!;
    const first = beta1 * firstMoment![i]! + (1 - beta1) * g;
    const second = beta2 * secondMoment![i]! + (1 - beta2) * g * g;
    m[i] = first;
    v[i] = second;
    p[i] = parameter![i]! - (stepSize * first) / (Math.sqrt(second / correction2) + epsilon);
  }
  return [p, m, v];
}

/** Three variables and the step's six scalars, as numbers of the addon's tensors. */
interface Workspace {
  readonly handles: readonly number[];
  settings: readonly number[];
  numbers: readonly number[];
}

const workspaces = new WeakMap<TensorflowBackend, Workspace>();

/** One for all parameters of a step, since making it takes longer than the step of a small one; freed soon after. */
function workspace(backend: TensorflowBackend, settings: readonly number[]): Workspace {
  let space = workspaces.get(backend);
  if (!space) {
    space = { handles: makeHandles(backend), settings: [], numbers: [] };
    workspaces.set(backend, space);
    queueMicrotask(() => free(backend));
  }
  if (settings.some((value, i) => value !== space.settings[i])) {
    for (const number of space.numbers) backend.binding.deleteTensor(number);
    space.settings = settings;
    space.numbers = settings.map((value) =>
      backend.binding.createTensor([], backend.binding.TF_FLOAT, Float32Array.of(value)),
    );
  }
  return space;
}

function makeHandles(backend: TensorflowBackend): number[] {
  const { float, text } = attributesOf(backend);
  const { TF_ATTR_SHAPE } = backend.binding;
  return ['parameter', 'first', 'second'].map((name) => {
    const attributes = [
      float('dtype'),
      // No more than a hint: parameters of every shape pass through.
      { name: 'shape', type: TF_ATTR_SHAPE, value: [] },
      text('container', ''),
      text('shared_name', `tfkit/adam/${name}`),
    ];
    return backend.binding.executeOp('VarHandleOp', attributes, [], 1)[0]!.id;
  });
}

/** Variables last until they are destroyed: a handle's tensor is no more than their name. */
function free(backend: TensorflowBackend): void {
  const { handles, numbers } = workspaces.get(backend)!;
  workspaces.delete(backend);
  const { bool } = attributesOf(backend);
  for (const handle of handles) {
    backend.binding.executeOp('DestroyResourceOp', [bool('ignore_lookup_error', false)], [handle], 0);
  }
  for (const tensor of [...handles, ...numbers]) backend.binding.deleteTensor(tensor);
}
