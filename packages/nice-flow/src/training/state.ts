/** What a training run carries from step to step, and its file. */
import * as tf from '@tensorflow/tfjs-core';
import { type Key, OptionError } from '@tfkit/core';
import { linearCombination, loadCheckpoint, saveCheckpoint } from '@tfkit/core/tfjs';
import { type FlowParameters, prefixed } from '../bijector';
import type { Flow } from '../flow';
import type { FitOptions } from './fit';

interface Best {
  readonly value: number;
  readonly step: number;
}

const metadataName = 'nice_flow_fit';

export class TrainingState {
  step = 0;
  best: Best | undefined;
  /** The variables that gradient descent changes. */
  readonly trained: tf.Variable[];
  private waited = 0;
  private readonly averages: Record<string, tf.Variable> | undefined;
  private readonly bestValues: Record<string, tf.Variable> | undefined;

  constructor(
    private readonly flow: Flow,
    private readonly optimizer: tf.Optimizer,
    private readonly options: FitOptions,
  ) {
    this.trained = [...flow.trainableVariables, ...Object.values(options.variables ?? {})];
    const trainable = Object.entries(flow.variables).filter(([, { trainable }]) => trainable);
    if (options.ema !== undefined) this.averages = copies(trainable);
    if (options.validation?.patience !== undefined) this.bestValues = copies(Object.entries(flow.variables));
  }

  /** Whether patience has run out. */
  get isExhausted(): boolean {
    const patience = this.options.validation?.patience;
    return patience !== undefined && this.waited >= patience;
  }

  /** The parameters that validation uses: averages where there are any. */
  averagedParameters(): FlowParameters {
    return { ...this.flow.variables, ...this.averages };
  }

  /** Counts a step, and takes it into the averages. */
  advance(): void {
    this.step++;
    const { ema } = this.options;
    for (const [name, average] of Object.entries(this.averages ?? {})) {
      tf.tidy(() =>
        average.assign(linearCombination([ema!, 1 - ema!], [average, this.flow.variables[name]!])),
      );
    }
  }

  /** Takes an evaluation into account. */
  judge(value: number): void {
    if (this.best && !(value > this.best.value)) {
      this.waited++;
      return;
    }
    this.best = { value, step: this.step };
    this.waited = 0;
    const current = this.averagedParameters();
    for (const [name, variable] of Object.entries(this.bestValues ?? {})) variable.assign(current[name]!);
  }

  /** Gives the flow its final parameters: the best, else the averages, else those it has. */
  finish(): void {
    if (this.bestValues && this.best) this.flow.assign(this.bestValues);
    else if (this.averages) this.flow.assign(this.averages);
  }

  private checkpointVariables(): Record<string, tf.Variable> {
    return {
      ...this.flow.variables,
      ...prefixed('own', this.options.variables),
      ...prefixed('ema', this.averages),
      ...prefixed('best', this.bestValues),
    };
  }

  save(key: Key): Promise<Uint8Array<ArrayBuffer>> {
    const { step, optimizer, best, waited } = this;
    const variables = this.checkpointVariables();
    const metadata = { [metadataName]: JSON.stringify({ best, waited }) };
    return saveCheckpoint({ variables, optimizer, key, step, metadata });
  }

  async load(file: Uint8Array | ArrayBuffer): Promise<void> {
    const { optimizer } = this;
    const { step, key, metadata } = await loadCheckpoint(file, {
      variables: this.checkpointVariables(),
      optimizer,
    });
    const wanted = this.options.key;
    if (key?.[0] !== wanted[0] || key?.[1] !== wanted[1]) {
      throw new OptionError(`fit: key must be that of the run to be resumed, [${key}], got [${wanted}].`);
    }
    this.step = step;
    const { best, waited } = JSON.parse(metadata[metadataName] ?? '{"waited":0}') as {
      best?: Best;
      waited: number;
    };
    this.best = best;
    this.waited = waited;
  }

  dispose(): void {
    tf.dispose([this.averages ?? [], this.bestValues ?? []]);
  }
}

function copies(entries: readonly (readonly [string, tf.Variable])[]): Record<string, tf.Variable> {
  return Object.fromEntries(
    entries.map(([name, variable]) => [name, tf.tidy(() => tf.variable(tf.clone(variable), false))]),
  );
}
