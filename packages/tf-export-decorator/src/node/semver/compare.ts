/** The rules: what a change of one declaration means for those who use it. */
import type { Declaration, Form, Member, Parameter, Signature, TypeParameter } from '../golden/model';
import { memberType, objectText, signaturesText, signatureText } from '../golden/text';
import type { Relate, Relation } from './relation';
import type { Usage } from './usage';

/** The kinds of releases, from harmless to breaking. */
export type Level = 'patch' | 'minor' | 'major';

/** 'review': the types differ in a way that the compiler cannot judge. 'default': a default value changed. */
export interface Difference {
  readonly level: Level | 'review' | 'default';
  readonly text: string;
}

/** What comparing needs besides the two declarations. */
export interface Rules {
  readonly relate: Relate;
  readonly usage: Usage;
  readonly outer?: readonly [old: readonly TypeParameter[], now: readonly TypeParameter[]];
}

const major = (text: string): Difference => ({ level: 'major', text });
const minor = (text: string): Difference => ({ level: 'minor', text });

/** Everything that differs between two declarations of one name. */
export function compareDeclarations(old: Declaration, now: Declaration, rules: Rules): Difference[] {
  const found: Difference[] = [];
  if (!old.deprecated && now.deprecated) found.push(minor('is now deprecated'));
  for (const isValue of [true, false]) {
    const before = old.forms.find((form) => meaning(form, isValue));
    const after = now.forms.find((form) => meaning(form, isValue));
    // A class or enum is a value and a type; it is compared once.
    if (before && after && !isValue && meaning(before, true) && meaning(after, true)) continue;
    if (before && !after) found.push(major(`is no longer a ${isValue ? 'value' : 'type'}`));
    else if (!before && after) found.push(minor(`is now a ${isValue ? 'value' : 'type'} too`));
    else if (before && after) found.push(...compareForms(before, after, rules));
  }
  return found;
}

function meaning(form: Form, isValue: boolean): boolean {
  if (form.kind === 'class') return isValue || !form.valueOnly;
  if (form.kind === 'enum') return true;
  return isValue === (form.kind === 'function' || form.kind === 'constant');
}

function compareForms(old: Form, now: Form, rules: Rules): Difference[] {
  if (old.kind === 'function' && now.kind === 'function') {
    return [
      ...compareSignatures(old.signatures, now.signatures, rules),
      ...compareMembers(old.members ?? [], now.members ?? [], { ...rules, usage: 'out' }),
    ];
  }
  if (old.kind === 'class' && now.kind === 'class') return compareClasses(old, now, rules);
  if (old.kind === 'enum' && now.kind === 'enum') return compareEnums(old.members, now.members);
  if (old.kind === 'constant' && now.kind === 'constant') return compareConstants(old.type, now.type, rules);
  const types = ['interface', 'type'];
  if (!types.includes(old.kind) || !types.includes(now.kind)) {
    return [major(`was a ${old.kind} and is a ${now.kind}`)];
  }
  return compareTypes(old as TypeForm, now as TypeForm, rules);
}

type TypeForm = Form & { kind: 'interface' | 'type' };

function compareTypes(old: TypeForm, now: TypeForm, rules: Rules): Difference[] {
  const parameters = compareTypeParameters(old.typeParameters, now.typeParameters, rules);
  const inner: Rules = { ...rules, outer: [old.typeParameters ?? [], now.typeParameters ?? []] };
  if (old.kind === 'type' || now.kind === 'type') {
    const text = (form: TypeForm) => (form.kind === 'type' ? form.type : objectText(form));
    return [...parameters, ...compareUse('the type', text(old), text(now), inner)];
  }
  const rest = (form: Form & { kind: 'interface' }) => objectText({ ...form, members: [] });
  return [
    ...parameters,
    ...compareUse('its calls, index signatures or base', rest(old), rest(now), inner),
    ...compareMembers(old.members, now.members, inner),
  ];
}

/** A type in a place, by the way its values flow. */
function compareUse(what: string, old: string, now: string, rules: Rules): Difference[] {
  if (old === now) return [];
  const [oldParameters, nowParameters] = rules.outer ?? [[], []];
  const relation = rules.relate({ old, now, oldParameters, nowParameters });
  const change = `${what} changed from ${old} to ${now}`;
  if (relation.undecided)
    return [{ level: 'review', text: `${change}; the compiler cannot tell whether that breaks` }];
  return judge(relation, rules.usage, old, now).map((level) => ({
    level,
    text: change + droppedText(relation, rules.usage),
  }));
}

const droppedText = ({ drops }: Relation, usage: Usage) =>
  drops.length > 0 && usage !== 'out' ? ` (without ${drops.join(', ')})` : '';

function judge({ oldToNew, newToOld, drops }: Relation, usage: Usage, old: string, now: string): Level[] {
  // `any` is assignable both ways, so the compiler sees no difference.
  if (old === 'any' && usage !== 'in') return [now === 'unknown' ? 'major' : 'minor'];
  if (old === 'any') return now === 'unknown' ? [] : ['major'];
  if (now === 'any') return ['minor'];
  const breaksIn = !oldToNew || drops.length > 0;
  if ((usage !== 'out' && breaksIn) || (usage !== 'in' && !newToOld)) return ['major'];
  return oldToNew && newToOld ? [] : ['minor'];
}

function compareConstants(old: string, now: string, rules: Rules): Difference[] {
  const literal = (text: string) => (/^"/.test(text) ? 'string' : /^-?\d/.test(text) ? 'number' : '');
  if (old !== now && literal(old) !== '' && literal(old) === literal(now)) {
    return [{ level: 'default', text: `the value changed from ${old} to ${now}` }];
  }
  return compareUse('the type', old, now, { ...rules, usage: 'out' });
}

function compareEnums(
  old: Readonly<Record<string, string>>,
  now: Readonly<Record<string, string>>,
): Difference[] {
  return [
    ...Object.keys(old).flatMap((key) => {
      if (!(key in now)) return [major(`member ${key} was removed`)];
      return old[key] === now[key] ? [] : [major(`member ${key} changed from ${old[key]} to ${now[key]}`)];
    }),
    ...Object.keys(now).flatMap((key) => (key in old ? [] : [minor(`member ${key} was added`)])),
  ];
}

type ClassForm = Form & { kind: 'class' };

function compareClasses(old: ClassForm, now: ClassForm, rules: Rules): Difference[] {
  const found: Difference[] = [];
  const inner: Rules = {
    ...rules,
    usage: 'out',
    outer: [old.typeParameters ?? [], now.typeParameters ?? []],
  };
  if (!old.abstract && now.abstract) found.push(major('became abstract'));
  if (old.abstract && !now.abstract) found.push(minor('is no longer abstract'));
  if (!old.valueOnly && now.valueOnly) found.push(major('can no longer be used as a type'));
  const access = (form: ClassForm) => ['private', 'protected'].indexOf(form.constructorAccess ?? '') + 1 || 3;
  if (access(now) < access(old)) found.push(major(`its constructor became ${now.constructorAccess}`));
  if (access(now) > access(old))
    found.push(minor(`its constructor became ${now.constructorAccess ?? 'public'}`));
  found.push(...compareTypeParameters(old.typeParameters, now.typeParameters, rules));
  if (access(old) !== 1 && access(now) !== 1) {
    found.push(
      ...compareSignatures(old.constructors, now.constructors, inner).map((difference) => ({
        ...difference,
        text: `constructor: ${difference.text}`,
      })),
    );
  }
  if (old.extends !== undefined && now.extends === undefined)
    found.push(major(`no longer extends ${old.extends}`));
  else found.push(...compareUse('the base class', old.extends ?? 'object', now.extends ?? 'object', inner));
  return [...found, ...compareMembers(old.members, now.members, inner, true)];
}

function compareMembers(
  old: readonly Member[],
  now: readonly Member[],
  rules: Rules,
  isClass = false,
): Difference[] {
  const key = ({ name, static: isStatic }: Member) => `${isStatic ? 'static ' : ''}${name}`;
  const before = new Map(old.map((member) => [key(member), member]));
  const after = new Map(now.map((member) => [key(member), member]));
  const found: Difference[] = [];
  for (const [name, member] of before) {
    const kept = after.get(name);
    if (!kept) found.push(major(`${name} was removed`));
    else found.push(...compareMember(name, member, kept, rules));
  }
  for (const [name, member] of after) {
    if (before.has(name)) continue;
    const mustMake = isClass ? member.abstract : !member.optional && rules.usage !== 'out';
    found.push(mustMake ? major(`required ${name} was added`) : minor(`${name} was added`));
  }
  return found;
}

function compareMember(name: string, old: Member, now: Member, rules: Rules): Difference[] {
  const found: Difference[] = [];
  const { usage } = rules;
  if (!old.protected && now.protected) found.push(major(`${name} became protected`));
  if (old.protected && !now.protected) found.push(minor(`${name} became public`));
  if (!old.abstract && now.abstract) found.push(major(`${name} became abstract`));
  if (!old.optional && now.optional)
    found.push(usage === 'in' ? minor(`${name} became optional`) : major(`${name} became optional`));
  if (old.optional && !now.optional)
    found.push(usage === 'out' ? minor(`${name} became required`) : major(`${name} became required`));
  if (!old.readonly && now.readonly)
    found.push(usage === 'in' ? minor(`${name} became readonly`) : major(`${name} became readonly`));
  if (old.readonly && !now.readonly) found.push(minor(`${name} became writable`));
  if (!old.deprecated && now.deprecated) found.push(minor(`${name} is now deprecated`));
  if (old.signatures && now.signatures && usage !== 'in') {
    return [
      ...found,
      ...compareSignatures(old.signatures, now.signatures, { ...rules, usage: 'out' }).map((difference) => ({
        ...difference,
        text: `${name}: ${difference.text}`,
      })),
    ];
  }
  // A writable property of a result takes values too; but narrowing a result is what most do when they improve it.
  return [...found, ...compareUse(name, memberType(old), memberType(now), rules)];
}

/** Overloads: pair by pair if that works, else each old one must be served by some new one. */
export function compareSignatures(
  old: readonly Signature[],
  now: readonly Signature[],
  rules: Rules,
): Difference[] {
  if (rules.usage === 'in')
    return compareUse('the function', signaturesText(old), signaturesText(now), rules);
  const paired =
    old.length === now.length
      ? old.flatMap((signature, index) => compareSignature(signature, now[index]!, rules))
      : undefined;
  const isBad = ({ level }: Difference) => level === 'major' || level === 'review';
  if (paired && (old.length === 1 || !paired.some(isBad))) return paired;
  const lost = old.filter((signature) =>
    now.every((other) => compareSignature(signature, other, rules).some(isBad)),
  );
  const added = now.filter(
    (signature) => !old.some((other) => signatureText(other) === signatureText(signature)),
  );
  return [
    ...lost.map((signature) => major(`no overload takes ${signatureText(signature)} any more`)),
    ...added.map((signature) => minor(`overload ${signatureText(signature)} was added`)),
  ];
}

function compareSignature(old: Signature, now: Signature, rules: Rules): Difference[] {
  const found = compareTypeParameters(old.typeParameters, now.typeParameters, rules);
  const [oldOuter, nowOuter] = rules.outer ?? [[], []];
  const inner: Rules = {
    ...rules,
    outer: [
      [...oldOuter, ...(old.typeParameters ?? [])],
      [...nowOuter, ...(now.typeParameters ?? [])],
    ],
  };
  if (!old.deprecated && now.deprecated)
    found.push(minor(`overload ${signatureText(old)} is now deprecated`));
  const count = Math.max(old.parameters.length, now.parameters.length);
  for (let index = 0; index < count; index++) {
    found.push(...compareParameter(old.parameters[index], now.parameters[index], old, now, inner));
  }
  return [...found, ...compareResult(old.returns, now.returns, { ...inner, usage: 'out' })];
}

function compareParameter(
  old: Parameter | undefined,
  now: Parameter | undefined,
  oldSignature: Signature,
  nowSignature: Signature,
  rules: Rules,
): Difference[] {
  if (!old) {
    if (!now) return [];
    const rest = oldSignature.parameters.at(-1);
    // f(...items) that becomes f(first?, ...items): what was passed is judged by the rest parameter's own comparison.
    if (rest?.rest && !now.rest)
      return [{ level: 'review', text: `parameter "${now.name}" was added after a rest parameter` }];
    return now.optional || now.rest
      ? [minor(`optional parameter "${now.name}" was added`)]
      : [major(`required parameter "${now.name}" was added`)];
  }
  if (!now) {
    if (old.name === 'this') return [minor('"this" is no longer asked for')];
    return nowSignature.parameters.at(-1)?.rest ? [] : [major(`parameter "${old.name}" was removed`)];
  }
  const found: Difference[] = [];
  if (old.name !== 'this' && now.name === 'this') return [major('asks for a "this" now')];
  const isFree = (parameter: Parameter) => parameter.optional || parameter.rest;
  if (isFree(old) && !isFree(now)) found.push(major(`parameter "${now.name}" became required`));
  if (!isFree(old) && isFree(now)) found.push(minor(`parameter "${now.name}" became optional`));
  if (old.rest && !now.rest) found.push(major(`rest parameter "${old.name}" became a single one`));
  const itemOf = (type: string) => `(${type})[number]`;
  const oldType = old.rest && !now.rest ? itemOf(old.type) : old.type;
  const nowType = now.rest && !old.rest ? itemOf(now.type) : now.type;
  found.push(...compareUse(`parameter "${now.name}"`, oldType, nowType, { ...rules, usage: 'in' }));
  if (old.default !== undefined && now.default !== undefined && old.default !== now.default) {
    found.push({
      level: 'default',
      text: `the default of "${now.name}" changed from ${old.default} to ${now.default}`,
    });
  }
  return found;
}

function compareResult(old: string, now: string, rules: Rules): Difference[] {
  if (old === now) return [];
  const predicate = /^(?:asserts )?(\w+)(?: is (.*))?$/;
  const isPredicate = (text: string) => /^\w+ is |^asserts /.test(text);
  if (!isPredicate(old) && !isPredicate(now)) return compareUse('the result', old, now, rules);
  if (isPredicate(old) && !isPredicate(now)) return [major(`no longer narrows: ${old} became ${now}`)];
  if (!isPredicate(old))
    return [
      now.startsWith('asserts ') ? major(`asserts now: ${old} became ${now}`) : minor(`narrows now: ${now}`),
    ];
  if (old.startsWith('asserts ') !== now.startsWith('asserts ')) return [major(`${old} became ${now}`)];
  const target = (text: string) => predicate.exec(text)?.[2] ?? 'unknown';
  return compareUse('what it narrows to', target(old), target(now), { ...rules, usage: 'both' });
}

function compareTypeParameters(
  old: readonly TypeParameter[] = [],
  now: readonly TypeParameter[] = [],
  rules: Rules,
): Difference[] {
  const found: Difference[] = [];
  const [oldOuter, nowOuter] = rules.outer ?? [[], []];
  for (const [index, parameter] of now.entries()) {
    const before = old[index];
    const { name, constraint = 'unknown', default: fallback } = parameter;
    if (!before) {
      found.push(
        fallback === undefined
          ? major(`type parameter ${name} was added`)
          : minor(`type parameter ${name} was added`),
      );
      continue;
    }
    if (before.default !== undefined && fallback === undefined)
      found.push(major(`type parameter ${name} lost its default`));
    if (before.default === undefined && fallback !== undefined)
      found.push(minor(`type parameter ${name} got a default`));
    const inner: Rules = {
      ...rules,
      usage: 'in',
      outer: [
        [...oldOuter, ...old],
        [...nowOuter, ...now],
      ],
    };
    found.push(...compareUse(`the constraint of ${name}`, before.constraint ?? 'unknown', constraint, inner));
    if (before.default !== undefined && fallback !== undefined && before.default !== fallback) {
      found.push(
        ...compareUse(`the default of ${name}`, before.default, fallback, { ...inner, usage: 'both' }),
      );
    }
  }
  for (const { name } of old.slice(now.length)) found.push(major(`type parameter ${name} was removed`));
  return found;
}
