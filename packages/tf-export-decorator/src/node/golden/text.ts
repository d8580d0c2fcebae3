/** Golden forms as TypeScript: for the readable golden, and for the compiler when old and new types are related. */
import type { Form, Member, Signature, TypeParameter } from './model';

/** `<T extends C = D>`, or nothing. */
export function typeParametersText(
  parameters: readonly TypeParameter[] | undefined,
  withDefaults = true,
): string {
  if (!parameters || parameters.length === 0) return '';
  const one = ({ name, constraint, default: fallback }: TypeParameter) =>
    name + (constraint ? ` extends ${constraint}` : '') + (withDefaults && fallback ? ` = ${fallback}` : '');
  return `<${parameters.map(one).join(', ')}>`;
}

/** `<T>(x: T, pad?: Pad): T`, with `arrow` instead of the colon if given. */
export function signatureText(signature: Signature, arrow = ': ', withDefaults = false): string {
  const parameters = signature.parameters.map((parameter, index) => {
    const name = /^[\p{ID_Start}$_][\p{ID_Continue}$]*$/u.test(parameter.name) ? parameter.name : `p${index}`;
    const value = withDefaults && parameter.default ? ` = ${parameter.default}` : '';
    return `${parameter.rest ? '...' : ''}${name}${parameter.optional && !parameter.rest ? '?' : ''}: ${parameter.type}${value}`;
  });
  const result = signature.returns === '' ? '' : `${arrow}${signature.returns}`;
  return `${typeParametersText(signature.typeParameters)}(${parameters.join(', ')})${result}`;
}

/** A function type: `(x: A) => B`, or `{ (x: A): B; (x: C): D }` for overloads. */
export function signaturesText(signatures: readonly Signature[]): string {
  const [only] = signatures;
  if (signatures.length === 1 && only) return `(${signatureText(only, ' => ')})`;
  return `{ ${signatures.map((signature) => signatureText(signature)).join('; ')} }`;
}

/** The type of a member, without `undefined` for an optional one. */
export const memberType = (member: Member): string => member.type ?? signaturesText(member.signatures ?? []);

/** `readonly name?: type` as a property, so that methods are compared strictly too. */
export function memberText(member: Member): string {
  const plain = /^([\p{ID_Start}$_][\p{ID_Continue}$]*|\[.*\])$/u.test(member.name);
  const name = plain ? member.name : JSON.stringify(member.name);
  return `${member.readonly ? 'readonly ' : ''}${name}${member.optional ? '?' : ''}: ${memberType(member)}`;
}

/** An interface as an object type, its foreign bases intersected. */
export function objectText(form: Form & { kind: 'interface' }): string {
  const parts = [
    ...(form.calls ?? []).map((signature) => signatureText(signature)),
    ...(form.constructs ?? []).map((signature) => `new ${signatureText(signature)}`),
    ...(form.indexes ?? []).map(
      ({ key, type, readonly }) => `${readonly ? 'readonly ' : ''}[key: ${key}]: ${type}`,
    ),
    ...form.members.map(memberText),
  ];
  return [...(form.extends ?? []), `{ ${parts.join('; ')} }`].join(' & ');
}

/** A form as a declaration inside `declare namespace`. Private and protected members are not part of it. */
export function declarationText(name: string, form: Form): string {
  switch (form.kind) {
    case 'function':
      return form.signatures.map((signature) => `function ${name}${signatureText(signature)};`).join('\n');
    case 'constant':
      return `const ${name}: ${form.type};`;
    case 'type':
      return `type ${name}${typeParametersText(form.typeParameters)} = ${form.type};`;
    case 'interface':
      return interfaceText(name, form);
    case 'enum': {
      const value = (text: string) => (text === 'computed' ? '' : ` = ${text}`);
      const members = Object.entries(form.members).map(
        ([key, text]) => `${JSON.stringify(key)}${value(text)}`,
      );
      return `enum ${name} { ${members.join(', ')} }`;
    }
    case 'class': {
      const base = form.extends ? ` extends ${form.extends}` : '';
      const visible = form.members.filter((member) => !member.protected);
      const lines = [
        ...form.constructors.map((signature) => `constructor${signatureText({ ...signature, returns: '' })}`),
        ...visible.map((member) => `${member.static ? 'static ' : ''}${memberText(member)}`),
      ];
      return `${form.abstract ? 'abstract ' : ''}class ${name}${typeParametersText(form.typeParameters)}${base} { ${lines.join('; ')} }`;
    }
  }
}

function interfaceText(name: string, form: Form & { kind: 'interface' }): string {
  // As an interface rather than an alias, since only an interface may refer to itself everywhere.
  const base = form.extends ? ` extends ${form.extends.join(', ')}` : '';
  const { extends: _, ...own } = form;
  return `interface ${name}${typeParametersText(form.typeParameters)}${base} ${objectText(own)}`;
}
