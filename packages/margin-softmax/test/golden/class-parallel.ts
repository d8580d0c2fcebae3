/** The group of sharded class centres. */
import type { Margin } from '../../src';
import type { GoldenCaseDocument, GoldenValue } from './format';

export async function partialFc(
  _case: GoldenCaseDocument,
  _margin: Margin,
): Promise<Record<string, GoldenValue>> {
  throw new Error('not there yet');
}
