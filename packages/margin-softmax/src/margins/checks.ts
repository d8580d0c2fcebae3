/** Checks that the methods share. */
import { checkKnownOptions, checkNumber, checkOneOf, formatValue, OptionError } from '@tfkit/core';
import type { GradientRule } from './margin';

function checkScale(functionName: string, scale: unknown): void {
  checkNumber([functionName, 'scale'], scale, { min: 0, open: 'min' });
}

function checkGradient(functionName: string, gradient: unknown): void {
  checkOneOf<GradientRule>([functionName, 'gradient'], gradient, ['exact', 'straight-through', 'detached']);
}

/** Scale and gradient rule, and no option but `scale` and the known ones. */
export function checkCommon(
  functionName: string,
  options: { readonly scale?: number; readonly gradient?: GradientRule },
  known: readonly string[],
): void {
  checkKnownOptions(functionName, options, [...known, 'scale']);
  if (options.scale !== undefined) checkScale(functionName, options.scale);
  if (options.gradient !== undefined) checkGradient(functionName, options.gradient);
}

/** A margin is an object that a method made, not the method or its name. */
export function checkMargin(functionName: string, margin: unknown): void {
  const isMargin = typeof margin === 'object' && margin !== null && 'normalize' in margin;
  if (isMargin) return;
  throw new OptionError(
    `${functionName}: margin must be what a method returns, got ${formatValue(margin)}. For example arcFace().`,
  );
}
