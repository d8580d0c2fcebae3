/**
 * Callbacks when the gradient of a variable is complete, while the backward pass goes on.
 *
 * The tape is walked backwards, so a variable's gradient is complete once the node of its first use is done. There a node
 * is put into the tape that hands on the gradient unchanged, and all uses are moved to its output. It works on the
 * recorded tape and not on the variables: a program may use them as it likes, several times, in layers or in plain ops.
 */
import * as tf from '@tensorflow/tfjs-core';

/** The parts of tfjs' engine and tape that are used here (4.22). */
interface TapeNode {
  id: number;
  kernelName: string;
  inputs: Record<string, { id: number; shape: readonly number[] }>;
  outputs: { id: number; shape: readonly number[] }[];
  gradient?: (dys: tf.Tensor[]) => Record<string, () => tf.Tensor>;
  saved: tf.Tensor[];
}

interface EngineInternals {
  readonly state?: { activeTape?: TapeNode[] | null; nextTapeNodeId?: number };
  nextTensorId?(): number;
}

/**
 * Puts taps for `variables` into the tape that is being recorded; to be called when the forward pass has ended.
 *
 * @param onGradient called with the variable's index and its complete gradient, which it must not dispose.
 * @returns false if this tfjs hides its tape: nothing is called then.
 */
export function installTaps(
  variables: readonly tf.Variable[],
  onGradient: (index: number, gradient: tf.Tensor) => void,
): boolean {
  const engine = tf.engine() as unknown as EngineInternals;
  const tape = engine.state?.activeTape;
  const known =
    Array.isArray(tape) && typeof engine.state!.nextTapeNodeId === 'number' && engine.nextTensorId;
  if (!known) return false;
  const indices = new Map(variables.map((variable, index) => [variable.id, index]));
  const tapped = new Map<number, { id: number; shape: readonly number[] }>();
  const nodes: TapeNode[] = [];
  for (const node of tape) {
    for (const [name, input] of Object.entries(node.inputs)) {
      const index = indices.get(input.id);
      if (index === undefined) continue;
      let output = tapped.get(input.id);
      if (!output) {
        output = { id: engine.nextTensorId!(), shape: input.shape };
        tapped.set(input.id, output);
        nodes.push({
          id: engine.state!.nextTapeNodeId!++,
          kernelName: 'TfkitGradientTap',
          inputs: { x: input },
          outputs: [output],
          saved: [],
          gradient: ([dy]) => {
            onGradient(index, dy!);
            return { x: () => dy! };
          },
        });
      }
      node.inputs = { ...node.inputs, [name]: output };
    }
    nodes.push(node);
  }
  tape.splice(0, tape.length, ...nodes);
  return true;
}
