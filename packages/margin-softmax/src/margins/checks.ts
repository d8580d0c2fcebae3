/** Checks that the methods share. */
import { checkKnownOptions, checkNumber, checkOneOf } from '@tfkit/core';
import type { GradientRule } from './margin';

export function checkScale(functionName: string, scale: unknown): void {
  checkNumber([functionName, 'scale'], scale, { min: 0, open: 'min' });
}

export function checkGradient(functionName: string, gradient: unknown): void {
  checkOneOf<GradientRule>([functionName, 'gradient'], gradient, ['exact', 'straight-through', 'detached']);
}

/** Scale and gradient rule, and no unknown option. */
export function checkCommon(
  functionName: string,
  options: { readonly scale?: number; readonly gradient?: GradientRule },
  known: readonly string[],
): void {
  checkKnownOptions(functionName, options, [...known, 'scale', 'gradient']);
  if (options.scale !== undefined) checkScale(functionName, options.scale);
  if (options.gradient !== undefined) checkGradient(functionName, options.gradient);
}
