/** How far one output of a stack of layers sees. */
import { checkInteger } from '@tfkit/core';

/** One layer along one axis. */
export interface LayerGeometry {
  readonly kernelSize: number;
  /** Default 1. */
  readonly dilationRate?: number;
  /** Default 1. */
  readonly strides?: number;
}

export interface ReceptiveField {
  /** Input positions between the first and the last that an output depends on, both counted. */
  readonly size: number;
  /** Input positions between neighbouring outputs: the product of the strides. */
  readonly jump: number;
}

/**
 * The receptive field of layers applied in order, along one axis: size += (k - 1) * rate * jump, jump *= stride.
 *
 * @throws OptionError for sizes, rates or strides that are no whole numbers >= 1.
 * @example
 * receptiveField([{ kernelSize: 3, strides: 2 }, { kernelSize: 3, dilationRate: 4 }]); // { size: 19, jump: 2 }
 * Source: Araujo, Norris, Sim: Computing Receptive Fields of Convolutional Neural Networks, Distill 2019.
 */
export function receptiveField(layers: readonly LayerGeometry[]): ReceptiveField {
  let size = 1;
  let jump = 1;
  for (const { kernelSize, dilationRate = 1, strides = 1 } of layers) {
    checkInteger(['receptiveField', 'kernelSize'], kernelSize, { min: 1 });
    checkInteger(['receptiveField', 'dilationRate'], dilationRate, { min: 1 });
    checkInteger(['receptiveField', 'strides'], strides, { min: 1 });
    size += (kernelSize - 1) * dilationRate * jump;
    jump *= strides;
  }
  return { size, jump };
}

/** Rates of a stack of layers with one kernel size, checked; shared by the tools for such stacks. */
export function checkRates(name: string, rates: readonly number[], kernelSize: number): void {
  checkInteger([name, 'rates.length'], rates.length, { min: 1 });
  for (const rate of rates) checkInteger([name, 'rates'], rate, { min: 1 });
  checkInteger([name, 'kernelSize'], kernelSize, { min: 1 });
}
