/** The golden for people: one line per name, grouped by namespace or entry point. */
import type { Declaration, Form, Golden, Member } from './model';
import { memberType, objectText, signatureText, typeParametersText } from './text';

/** Markdown with a line for each name and, below, the types that are mentioned and not exported. */
export function goldenMarkdown(golden: Golden): string {
  const groups = new Map<string, string[]>();
  for (const [name, entry] of Object.entries(golden.exports)) {
    const group = groupOf(name);
    const also = [...entry.names, ...(entry.v1 ?? [])].filter((other) => other !== name);
    const notes = [
      also.length > 0 ? `also ${also.join(', ')}` : '',
      entry.deprecatedNames ? `deprecated: ${entry.deprecatedNames.join(', ')}` : '',
    ].filter((note) => note !== '');
    const comment = notes.length > 0 ? ` // ${notes.join('; ')}` : '';
    const shown = lines(
      leaf(name),
      golden.declarations[entry.declaration],
      golden.imports[entry.declaration],
    );
    const [first = ''] = shown;
    groups.set(group, [...(groups.get(group) ?? []), first + comment, ...shown.slice(1)]);
  }
  const exported = new Set(Object.values(golden.exports).map(({ declaration }) => declaration));
  const hidden = Object.entries(golden.declarations)
    .filter(([name]) => !exported.has(name))
    .flatMap(([name, declaration]) => lines(name, declaration));
  const sections = [...groups].map(([group, text]) => section(group, text));
  if (hidden.length > 0) sections.push(section('Mentioned, not exported', hidden));
  return `# API of ${golden.package}\n\nWritten by \`tf-export golden --update\`; do not edit.\n\n${sections.join('\n')}`;
}

const section = (title: string, text: readonly string[]) =>
  `## ${title}\n\n\`\`\`ts\n${text.join('\n')}\n\`\`\`\n`;

/** `./layers` of `./layers#Dense`, `nn` of `nn.relu`. */
function groupOf(name: string): string {
  if (name.includes('#')) return name.slice(0, name.indexOf('#')).replace(/^\.$/, '(main entry)');
  return name.includes('.') ? name.slice(0, name.lastIndexOf('.')) : '(root)';
}

const leaf = (name: string) =>
  name.includes('#') ? name.slice(name.indexOf('#') + 1) : name.slice(name.lastIndexOf('.') + 1);

function lines(name: string, declaration?: Declaration, origin?: { module: string; name: string }): string[] {
  if (!declaration) return [`export ${name} from '${origin?.module ?? 'elsewhere'}'`];
  const mark = declaration.deprecated ? '/** @deprecated */ ' : '';
  const shown = declaration.forms.flatMap((form) => formLines(name, form));
  return (shown.length > 0 ? shown : [`namespace ${name}`]).map((line, index) =>
    index === 0 ? mark + line : line,
  );
}

function formLines(name: string, form: Form): string[] {
  switch (form.kind) {
    case 'function':
      return [
        ...form.signatures.map((signature) => `function ${name}${signatureText(signature, ': ', true)}`),
        ...(form.members ?? []).map((member) => `  .${memberLine(member)}`),
      ];
    case 'class': {
      const base = form.extends ? ` extends ${form.extends}` : '';
      return [
        `${form.abstract ? 'abstract ' : ''}class ${name}${typeParametersText(form.typeParameters)}${base}`,
        ...form.constructors.map((signature) => `  constructor${signatureText(signature, ': ', true)}`),
        ...form.members.map((member) => `  ${memberLine(member)}`),
      ];
    }
    case 'interface':
      if (form.members.length === 0)
        return [`interface ${name}${typeParametersText(form.typeParameters)} ${objectText(form)}`];
      return [
        `interface ${name}${typeParametersText(form.typeParameters)}${form.extends ? ` extends ${form.extends.join(', ')}` : ''}`,
        ...[...(form.calls ?? []), ...(form.constructs ?? [])].map(
          (signature) => `  ${signatureText(signature)}`,
        ),
        ...(form.indexes ?? []).map(({ key, type }) => `  [key: ${key}]: ${type}`),
        ...form.members.map((member) => `  ${memberLine(member)}`),
      ];
    case 'type':
      return [`type ${name}${typeParametersText(form.typeParameters)} = ${form.type}`];
    case 'enum':
      return [
        `enum ${name} { ${Object.entries(form.members)
          .map(([key, value]) => `${key} = ${value}`)
          .join(', ')} }`,
      ];
    case 'constant':
      return [`const ${name}: ${form.type}`];
  }
}

function memberLine(member: Member): string {
  const words = [
    member.static && 'static',
    member.protected && 'protected',
    member.abstract && 'abstract',
    member.readonly && 'readonly',
  ];
  const head = words
    .filter((word) => word)
    .map((word) => `${word} `)
    .join('');
  const mark = member.deprecated ? '/** @deprecated */ ' : '';
  const [only] = member.signatures ?? [];
  const type =
    only && member.signatures?.length === 1 ? signatureText(only, ': ', true) : `: ${memberType(member)}`;
  return `${mark}${head}${member.name}${member.optional ? '?' : ''}${type}`;
}
