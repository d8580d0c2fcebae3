/** A function is named, found by its name, and called. */
import { ApiRegistry, createApiExport, getCanonicalNameForSymbol } from '@tfkit/tf-export-decorator';

export async function job(): Promise<string> {
  const registry = new ApiRegistry();
  const publish = createApiExport('sample', { registry });
  const relu = publish('nn.relu', 'relu')((x: number) => Math.max(x, 0));
  const name = getCanonicalNameForSymbol(relu, { apiName: 'sample', registry });
  if (name !== 'nn.relu' || relu(-2) !== 0) throw new Error(`tf-export-decorator: ${name}`);
  return String(name);
}
