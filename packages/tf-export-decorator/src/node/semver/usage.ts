/** Which way values of a type flow: into the package (options), out of it (results), or both. */
import type * as ts from 'typescript';
import type { TypeScript } from '../compiler';
import type { Form, Golden, Signature } from '../golden/model';
import { memberType } from '../golden/text';

/** 'in': callers make such values. 'out': callers receive them. */
export type Usage = 'in' | 'out' | 'both';

type Flow = 'in' | 'out';
const flip = (flow: Flow): Flow => (flow === 'in' ? 'out' : 'in');

/** The usage of every declaration that another one mentions; exported types that nothing uses are 'both'. */
export function usages(ts: TypeScript, golden: Golden): Map<string, Usage> {
  const seen = new Map<string, Set<Flow>>();
  const queue: [name: string, flow: Flow][] = [];
  const note = (name: string, flow: Flow) => {
    if (!golden.declarations[name]) return;
    const flows = seen.get(name) ?? new Set();
    if (flows.has(flow)) return;
    seen.set(name, flows.add(flow));
    queue.push([name, flow]);
  };
  const walk = (text: string | undefined, flow: Flow) => {
    if (text) walkType(ts, text, flow, note);
  };
  for (const { declaration } of Object.values(golden.exports)) {
    for (const form of golden.declarations[declaration]?.forms ?? []) {
      if (form.kind !== 'interface' && form.kind !== 'type') walkForm(form, 'out', walk);
    }
  }
  for (let next = queue.pop(); next; next = queue.pop()) {
    for (const form of golden.declarations[next[0]]?.forms ?? []) {
      // Instances of a class are made by its constructor, wherever they go.
      walkForm(form, form.kind === 'class' ? 'out' : next[1], walk);
    }
  }
  return new Map([...seen].map(([name, flows]) => [name, flows.size === 2 ? 'both' : [...flows][0]!]));
}

type Walk = (text: string | undefined, flow: Flow) => void;

function walkSignatures(signatures: readonly Signature[], flow: Flow, walk: Walk): void {
  for (const { typeParameters, parameters, returns } of signatures) {
    for (const { constraint } of typeParameters ?? []) walk(constraint, flip(flow));
    for (const { type } of parameters) walk(type, flip(flow));
    walk(returns, flow);
  }
}

function walkForm(form: Form, flow: Flow, walk: Walk): void {
  if (form.kind === 'function') walkSignatures(form.signatures, flow, walk);
  if (form.kind === 'class') walkSignatures(form.constructors, flow, walk);
  if (form.kind === 'interface') {
    walkSignatures([...(form.calls ?? []), ...(form.constructs ?? [])], flow, walk);
    for (const { type } of form.indexes ?? []) walk(type, flow);
    for (const base of form.extends ?? []) walk(base, flow);
  }
  if (form.kind === 'constant' || form.kind === 'type') walk(form.type, flow);
  if (form.kind === 'enum') return;
  for (const member of ('members' in form && form.members) || []) {
    if (member.signatures) walkSignatures(member.signatures, flow, walk);
    else walk(memberType(member), flow);
  }
}

/** Every name in a type, with the way its values flow: parameters of function types go the other way. */
function walkType(ts: TypeScript, text: string, flow: Flow, note: (name: string, flow: Flow) => void): void {
  const isPredicate = /^(asserts )?\w+( is |$)/.test(text) && /\bis\b|^asserts /.test(text);
  const source = ts.createSourceFile(
    't.ts',
    isPredicate ? `type T = (x: 0) => ${text}` : `type T = ${text}`,
    ts.ScriptTarget.Latest,
  );
  const visit = (node: ts.Node, at: Flow): void => {
    if (ts.isTypeReferenceNode(node) || ts.isTypeQueryNode(node)) {
      let name: ts.Node = ts.isTypeReferenceNode(node) ? node.typeName : node.exprName;
      while (ts.isQualifiedName(name)) name = name.left;
      if (ts.isIdentifier(name)) note(name.text, at);
    }
    const isFunction =
      ts.isFunctionTypeNode(node) ||
      ts.isConstructorTypeNode(node) ||
      ts.isMethodSignature(node) ||
      ts.isCallSignatureDeclaration(node);
    ts.forEachChild(node, (child) => visit(child, isFunction && ts.isParameter(child) ? flip(at) : at));
  };
  const [statement] = source.statements;
  if (statement && ts.isTypeAliasDeclaration(statement)) visit(statement.type, flow);
}
