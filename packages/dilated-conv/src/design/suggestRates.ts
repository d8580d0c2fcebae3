/** A designer of dilation schedules. */
import { checkInteger, checkKnownOptions, OptionError } from '@tfkit/core';
import { hdcRule } from './hdcRule';

export interface SuggestRatesOptions {
  /** Taps a layer. Default 3. */
  readonly kernelSize?: number;
  /** How many layers. Default: as few as can reach the receptive field without holes. */
  readonly layers?: number;
}

export interface SuggestedRates {
  /** Ascending, the first 1. */
  readonly rates: readonly number[];
  /** 1 + (kernelSize - 1) * sum(rates): the wanted one, or the next that stride-1 layers of this kernel can have. */
  readonly receptiveField: number;
  /** Whether the published HDC rule passes too. */
  readonly passesHdcRule: boolean;
}

/**
 * Rates of stride-1 layers that reach a wanted receptive field and read every position of it.
 *
 * The sum of the rates is fixed by the field. From the last layer down, each rate is the geometric share of what is left,
 * within what keeps the field free of holes: r_n <= (1 + (k - 1) * sum) / k and the rest reachable by the layers before.
 *
 * @param receptiveField wanted, in positions, >= 1.
 * @throws OptionError if that many layers cannot reach it without holes: n layers reach kernelSize^n.
 * @example
 * suggestRates(31); // { rates: [1, 2, 4, 8], receptiveField: 31, passesHdcRule: true }
 */
export function suggestRates(receptiveField: number, options: SuggestRatesOptions = {}): SuggestedRates {
  const name = 'suggestRates';
  checkKnownOptions(name, options, ['kernelSize', 'layers']);
  const { kernelSize = 3 } = options;
  checkInteger([name, 'receptiveField'], receptiveField, { min: 1 });
  checkInteger([name, 'kernelSize'], kernelSize, { min: 2 });
  const layers = options.layers ?? fewestLayers(receptiveField, kernelSize);
  checkInteger([name, 'layers'], layers, { min: 1 });
  if (kernelSize ** layers < receptiveField) {
    throw new OptionError(
      `${name}: layers must be >= ${fewestLayers(receptiveField, kernelSize)} to read ${receptiveField} positions with ${kernelSize} taps and no holes, got ${layers}.`,
    );
  }
  const total = Math.max(layers, Math.ceil((receptiveField - 1) / (kernelSize - 1)));
  const rates = scheduleOf(total, layers, kernelSize);
  return {
    rates,
    receptiveField: 1 + (kernelSize - 1) * total,
    passesHdcRule: hdcRule(rates, kernelSize).passes,
  };
}

function fewestLayers(receptiveField: number, kernelSize: number): number {
  let layers = 1;
  while (kernelSize ** layers < receptiveField) layers++;
  return layers;
}

function scheduleOf(total: number, layers: number, kernelSize: number): number[] {
  const growth = growthOf(total, layers);
  const rates: number[] = [];
  let left = total;
  let ceiling = Infinity;
  for (let below = layers - 1; below >= 0; below--) {
    // The layers below can sum to (k^below - 1) / (k - 1) at most, and to one each at the least.
    const reachable = (kernelSize ** below - 1) / (kernelSize - 1);
    const most = Math.min(ceiling, Math.floor((1 + (kernelSize - 1) * left) / kernelSize), left - below);
    const least = Math.max(1, left - reachable, Math.ceil(left / (below + 1)));
    const share = Math.round((left * (growth - 1)) / (growth - growth ** -below));
    const rate = Math.max(least, Math.min(most, Number.isFinite(share) ? share : least));
    rates.unshift(rate);
    left -= rate;
    ceiling = rate;
  }
  return rates;
}

/** The factor q with 1 + q + ... + q^(layers - 1) = total, by bisection. */
function growthOf(total: number, layers: number): number {
  let [low, high] = [1, total];
  for (let step = 0; step < 60; step++) {
    const q = (low + high) / 2;
    let sum = 0;
    for (let i = 0; i < layers; i++) sum += q ** i;
    if (sum < total) low = q;
    else high = q;
  }
  return (low + high) / 2;
}
