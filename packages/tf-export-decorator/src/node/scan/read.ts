/** Reads the literal names and options of one use of an exporter. */
import type * as ts from 'typescript';
import type { Declared } from '../../names';
import type { TypeScript } from '../compiler';
import type { Use } from './uses';

export interface ReadExport extends Declared {
  readonly allowMultipleExports: boolean;
  readonly since?: string;
}

/** The names of a use, or the node that is no literal. */
export function readUse(ts: TypeScript, use: Use): ReadExport | { readonly notLiteral: ts.Node } {
  return ts.isCallExpression(use.carrier as ts.Node)
    ? readCall(ts, use.carrier as ts.CallExpression)
    : readTags(ts, use.carrier as ts.JSDocTag);
}

function readCall(ts: TypeScript, call: ts.CallExpression): ReadExport | { notLiteral: ts.Node } {
  const last = call.arguments.at(-1);
  const options = last && ts.isObjectLiteralExpression(last) ? last : undefined;
  const names: string[] = [];
  for (const argument of options ? call.arguments.slice(0, -1) : call.arguments) {
    if (!ts.isStringLiteralLike(argument)) return { notLiteral: argument };
    names.push(argument.text);
  }
  let namesV1: readonly string[] = names;
  let deprecated: readonly string[] = [];
  let allowMultipleExports = false;
  let since: string | undefined;
  for (const property of options?.properties ?? []) {
    if (!ts.isPropertyAssignment(property)) return { notLiteral: property };
    const value = property.initializer;
    const key = property.name.getText().replace(/['"]/g, '');
    const list = literalList(ts, value);
    if (key === 'v1' && list) namesV1 = list;
    else if (key === 'deprecated' && list) deprecated = list;
    else if (key === 'allowMultipleExports' && /^(true|false)$/.test(value.getText())) {
      allowMultipleExports = value.kind === ts.SyntaxKind.TrueKeyword;
    } else if (key === 'since' && ts.isStringLiteralLike(value)) since = value.text;
    else return { notLiteral: property };
  }
  return { names, namesV1, deprecated, allowMultipleExports, ...(since === undefined ? {} : { since }) };
}

function literalList(ts: TypeScript, node: ts.Expression): string[] | undefined {
  const inner = ts.isAsExpression(node) ? node.expression : node;
  if (!ts.isArrayLiteralExpression(inner)) return undefined;
  const items = inner.elements.map((item) => (ts.isStringLiteralLike(item) ? item.text : undefined));
  return items.every((item) => item !== undefined) ? items : undefined;
}

/** `@tfExport a.b, b` with `@v1`, `@deprecatedNames` and `@since` of the same comment. */
function readTags(ts: TypeScript, tag: ts.JSDocTag): ReadExport {
  const siblings = (tag.parent as ts.JSDoc).tags ?? [];
  const named = (name: string) => siblings.find(({ tagName }) => tagName.text === name);
  const text = (found: ts.JSDocTag) => ts.getTextOfJSDocComment(found.comment) ?? '';
  const words = (found: ts.JSDocTag) =>
    text(found)
      .split(/[\s,]+/)
      .filter((word) => word !== '');
  const names = words(tag);
  const v1 = named('v1');
  const deprecated = named('deprecatedNames');
  const since = named('since');
  return {
    names,
    namesV1: v1 ? words(v1) : names,
    deprecated: deprecated ? words(deprecated) : [],
    allowMultipleExports: false,
    ...(since ? { since: text(since).trim() } : {}),
  };
}
