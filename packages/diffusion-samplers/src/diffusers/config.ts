/** The keys of a scheduler_config.json, with diffusers' defaults where classes agree on them. */
import { FormatError } from '@tfkit/core';

/** A parsed scheduler_config.json. `_class_name` says which scheduler; absent keys have that class' defaults. */
export interface DiffusersConfig {
  readonly _class_name?: string;
  readonly [key: string]: unknown;
}

/** What diffusers takes at run time rather than from the file; snake_case as there. */
export interface DiffusersCall {
  /** `set_timesteps`. */
  readonly custom_timesteps?: readonly number[] | null;
  readonly custom_sigmas?: readonly number[] | null;
  readonly mu?: number | null;
  readonly strength?: number;
  /** `step`. */
  readonly eta?: number;
  readonly use_clipped_model_output?: boolean;
  readonly s_churn?: number;
  readonly s_tmin?: number;
  readonly s_tmax?: number | 'inf';
  readonly s_noise?: number;
}

/** Typed reading of one configuration. */
export class Keys {
  readonly #values: Record<string, unknown>;

  constructor(values: Record<string, unknown>) {
    this.#values = values;
  }

  has(key: string): boolean {
    return this.#values[key] !== undefined && this.#values[key] !== null;
  }

  number(key: string, fallback: number): number {
    const value = this.#values[key] ?? fallback;
    const parsed = value === 'inf' ? Infinity : value === '-inf' ? -Infinity : value;
    return typeof parsed === 'number' && !Number.isNaN(parsed) ? parsed : this.#fail(key, 'a number', value);
  }

  optional(key: string): number | undefined {
    return this.has(key) ? this.number(key, 0) : undefined;
  }

  flag(key: string, fallback = false): boolean {
    const value = this.#values[key] ?? fallback;
    return typeof value === 'boolean' ? value : this.#fail(key, 'true or false', value);
  }

  word<const A extends readonly string[]>(key: string, fallback: A[number], allowed: A): A[number] {
    const value = this.#values[key] ?? fallback;
    return allowed.includes(value as string)
      ? (value as A[number])
      : this.#fail(key, `one of ${allowed.join(', ')}`, value);
  }

  numbers(key: string): number[] | undefined {
    if (!this.has(key)) return undefined;
    const value = this.#values[key];
    const valid = Array.isArray(value) && value.every((item) => typeof item === 'number');
    return valid ? value : this.#fail(key, 'a list of numbers', value);
  }

  #fail(key: string, rule: string, value: unknown): never {
    throw new FormatError(`fromDiffusersConfig: ${key} must be ${rule}, got ${JSON.stringify(value)}.`);
  }
}
