/** The state of a run between two steps, as JSON. */
import { FormatError, sizeOf } from '@tfkit/core';
import type { Plan } from '../plan/types';
import type { FloatArray } from './machine';

/** A paused run as plain JSON. */
export interface Snapshot {
  readonly format: 'tfkit-diffusion-snapshot-1';
  /** Fingerprint of the plan that it belongs to. */
  readonly plan: string;
  readonly shape: readonly number[];
  /** The step that comes next. */
  readonly step: number;
  readonly modelCalls: number;
  /** Little-endian floats in base64, after 'f32:' or 'f64:', by register. */
  readonly registers: Readonly<Record<number, string>>;
}

export function encodeFloats(values: FloatArray): string {
  const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  let text = '';
  for (let i = 0; i < bytes.length; i += 8192) text += String.fromCharCode(...bytes.subarray(i, i + 8192));
  return `f${8 * values.BYTES_PER_ELEMENT}:${btoa(text)}`;
}

function decodeFloats(text: unknown, size: number): FloatArray {
  const match = /^f(32|64):([A-Za-z0-9+/]*={0,2})$/.exec(String(text));
  if (!match)
    throw new FormatError("resume: registers must be base64 after 'f32:' or 'f64:', got something else.");
  const bytes = Uint8Array.from(atob(match[2]!), (character) => character.charCodeAt(0));
  if (bytes.length !== (size * Number(match[1])) / 8) {
    throw new FormatError(`resume: registers must hold ${size} numbers each, got ${bytes.length} bytes.`);
  }
  return match[1] === '32' ? new Float32Array(bytes.buffer) : new Float64Array(bytes.buffer);
}

/** Checks that a snapshot belongs to the plan, and gives its registers. */
export function readSnapshot(plan: Plan, snapshot: Snapshot): Map<number, FloatArray> {
  const { format, step, shape, registers } = snapshot ?? {};
  if (format !== 'tfkit-diffusion-snapshot-1') {
    throw new FormatError(`resume: snapshot must have format 'tfkit-diffusion-snapshot-1', got '${format}'.`);
  }
  if (snapshot.plan !== fingerprint(plan)) {
    throw new FormatError(
      `resume: snapshot must be of this plan (${fingerprint(plan)}), got one of ${snapshot.plan}.`,
    );
  }
  const valid = Array.isArray(shape) && shape.every((size) => Number.isSafeInteger(size) && size >= 0);
  const before = plan.steps[step - 1];
  if (!valid || !before)
    throw new FormatError(`resume: snapshot must have a shape and a step of the plan, got step ${step}.`);
  const size = sizeOf(shape);
  return new Map(before.live.map((register) => [register, decodeFloats(registers?.[register], size)]));
}

/** A short hash (FNV-1a of the JSON, 32 bits): different plans have different ones but for bad luck. */
export function fingerprint(plan: Plan): string {
  let hash = 0x811c9dc5;
  for (const character of JSON.stringify(plan)) hash = Math.imul(hash ^ character.charCodeAt(0), 0x01000193);
  return (hash >>> 0).toString(16).padStart(8, '0');
}
