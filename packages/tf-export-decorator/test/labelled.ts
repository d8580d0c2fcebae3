/**
 * Labelled changes: what an entry point says before and after, and what that asks of a version. Labels follow the
 * rules of semantic versioning for TypeScript (https://www.semver-ts.org) and were written before the code under test.
 */
export interface Labelled {
  readonly title: string;
  readonly before: string;
  readonly after: string;
  readonly level: 'major' | 'minor' | 'patch' | 'none';
}

const change = (level: Labelled['level'], title: string, before: string, after: string): Labelled => ({
  title,
  before,
  after,
  level,
});

export const labelled: readonly Labelled[] = [
  // Functions
  change(
    'major',
    'function removed',
    'export function f(): void {} export function g(): void {}',
    'export function g(): void {}',
  ),
  change(
    'major',
    'required parameter added',
    'export function f(a: number): void {}',
    'export function f(a: number, b: string): void {}',
  ),
  change(
    'minor',
    'optional parameter added',
    'export function f(a: number): void {}',
    'export function f(a: number, b?: string): void {}',
  ),
  change(
    'major',
    'parameter removed',
    'export function f(a: number, b?: string): void {}',
    'export function f(a: number): void {}',
  ),
  change(
    'major',
    'parameter became required',
    'export function f(a?: number): void {}',
    'export function f(a: number): void {}',
  ),
  change(
    'minor',
    'parameter became optional',
    'export function f(a: number): void {}',
    'export function f(a?: number): void {}',
  ),
  change(
    'major',
    'parameter narrowed',
    'export function f(a: number | string): void {}',
    'export function f(a: number): void {}',
  ),
  change(
    'minor',
    'parameter widened',
    'export function f(a: number): void {}',
    'export function f(a: number | string): void {}',
  ),
  change(
    'none',
    'parameter renamed',
    'export function f(a: number): void {}',
    'export function f(count: number): void {}',
  ),
  change(
    'major',
    'parameters swapped',
    'export function f(a: number, b: string): void {}',
    'export function f(b: string, a: number): void {}',
  ),
  change(
    'major',
    'result widened',
    'export declare function f(): number;',
    'export declare function f(): number | undefined;',
  ),
  change(
    'minor',
    'result narrowed',
    'export declare function f(): number | undefined;',
    'export declare function f(): number;',
  ),
  change(
    'major',
    'result any to unknown',
    'export declare function f(): any;',
    'export declare function f(): unknown;',
  ),
  change(
    'minor',
    'result unknown to any',
    'export declare function f(): unknown;',
    'export declare function f(): any;',
  ),
  change(
    'major',
    'parameter any to string',
    'export declare function f(a: any): void;',
    'export declare function f(a: string): void;',
  ),
  change(
    'minor',
    'default changed',
    "export function f(pad = 'same'): string { return pad }",
    "export function f(pad = 'valid'): string { return pad }",
  ),
  change(
    'none',
    'default quoted otherwise',
    "export function f(pad = 'same'): string { return pad }",
    'export function f(pad = "same"): string { return pad }',
  ),
  change(
    'minor',
    'default of an option changed',
    'export function f({ k = 1 }: { k?: number } = {}): number { return k }',
    'export function f({ k = 2 }: { k?: number } = {}): number { return k }',
  ),
  change(
    'major',
    'overload removed',
    'export declare function f(a: number): number; export declare function f(a: string): string;',
    'export declare function f(a: number): number;',
  ),
  change(
    'minor',
    'overload added',
    'export declare function f(a: number): number;',
    'export declare function f(a: number): number; export declare function f(a: string): string;',
  ),
  change(
    'major',
    'overload behind a call changed',
    'declare function g(a: number, pad?: string): void; const op = <T>(x: T): T => x; export const f = op(g);',
    'declare function g(a: number, pad: string): void; const op = <T>(x: T): T => x; export const f = op(g);',
  ),
  change(
    'major',
    'predicate removed',
    'export declare function f(a: unknown): a is string;',
    'export declare function f(a: unknown): boolean;',
  ),
  change(
    'minor',
    'predicate added',
    'export declare function f(a: unknown): boolean;',
    'export declare function f(a: unknown): a is string;',
  ),
  change(
    'major',
    'this asked for',
    'export declare function f(a: number): void;',
    'export declare function f(this: Date, a: number): void;',
  ),
  change(
    'minor',
    'rest parameter added',
    'export declare function f(a: number): void;',
    'export declare function f(a: number, ...more: number[]): void;',
  ),
  change(
    'major',
    'rest parameter removed',
    'export declare function f(...more: number[]): void;',
    'export declare function f(): void;',
  ),
  change(
    'minor',
    'deprecated',
    'export function f(): void {}',
    '/** @deprecated Use g. */ export function f(): void {}',
  ),
  change(
    'none',
    'documented',
    'export function f(): void {}',
    '/** Returns nothing. */ export function f(): void {}',
  ),
  change(
    'minor',
    'function added',
    'export function f(): void {}',
    'export function f(): void {} export function g(): void {}',
  ),
  // Generics
  change(
    'major',
    'required type parameter added',
    'export declare function f<A>(a: A): A;',
    'export declare function f<A, B>(a: A): A;',
  ),
  change(
    'minor',
    'type parameter with default added',
    'export declare function f<A>(a: A): A;',
    'export declare function f<A, B = A>(a: A): A;',
  ),
  change(
    'major',
    'constraint narrowed',
    'export declare function f<A>(a: A): A;',
    'export declare function f<A extends string>(a: A): A;',
  ),
  change(
    'minor',
    'constraint loosened',
    'export declare function f<A extends string>(a: A): A;',
    'export declare function f<A extends string | number>(a: A): A;',
  ),
  change(
    'none',
    'type parameter renamed',
    'export declare function f<A>(a: A): A[];',
    'export declare function f<T>(a: T): T[];',
  ),
  change(
    'major',
    'class type parameter added',
    'export class C { x = 1 }',
    'export class C<T> { x = 1; y?: T }',
  ),
  // Options: objects that callers make
  change(
    'minor',
    'optional option added',
    'export interface O { a?: number } export declare function f(o: O): void;',
    'export interface O { a?: number; b?: string } export declare function f(o: O): void;',
  ),
  change(
    'major',
    'option removed',
    'export interface O { a?: number; b?: string } export declare function f(o: O): void;',
    'export interface O { a?: number } export declare function f(o: O): void;',
  ),
  change(
    'major',
    'inline option removed',
    'export declare function f(o: { a?: number; b?: string }): void;',
    'export declare function f(o: { a?: number }): void;',
  ),
  change(
    'major',
    'required option added',
    'export interface O { a?: number } export declare function f(o: O): void;',
    'export interface O { a?: number; b: string } export declare function f(o: O): void;',
  ),
  change(
    'minor',
    'word added to an option',
    "export interface O { pad?: 'same' | 'valid' } export declare function f(o: O): void;",
    "export interface O { pad?: 'same' | 'valid' | 'causal' } export declare function f(o: O): void;",
  ),
  change(
    'major',
    'word removed from an option',
    "export interface O { pad?: 'same' | 'valid' } export declare function f(o: O): void;",
    "export interface O { pad?: 'same' } export declare function f(o: O): void;",
  ),
  change(
    'major',
    'option of a hidden type removed',
    'interface O { a?: number; b?: string } export declare function f(o: O): void;',
    'interface O { a?: number } export declare function f(o: O): void;',
  ),
  // Results
  change(
    'minor',
    'property added to a result',
    'export interface R { a: number } export declare function f(): R;',
    'export interface R { a: number; b: string } export declare function f(): R;',
  ),
  change(
    'major',
    'property of a result removed',
    'export interface R { a: number; b: string } export declare function f(): R;',
    'export interface R { a: number } export declare function f(): R;',
  ),
  change(
    'major',
    'property of a result became optional',
    'export interface R { a: number } export declare function f(): R;',
    'export interface R { a?: number } export declare function f(): R;',
  ),
  change(
    'major',
    'property of a result became readonly',
    'export interface R { a: number } export declare function f(): R;',
    'export interface R { readonly a: number } export declare function f(): R;',
  ),
  change(
    'major',
    'array result became readonly',
    'export declare function f(): number[];',
    'export declare function f(): readonly number[];',
  ),
  change(
    'minor',
    'array parameter became readonly',
    'export declare function f(a: number[]): void;',
    'export declare function f(a: readonly number[]): void;',
  ),
  change(
    'none',
    'members moved to a base',
    'export interface R { a: number; b: string } export declare function f(): R;',
    'interface Base { a: number } export interface R extends Base { b: string } export declare function f(): R;',
  ),
  // Classes
  change(
    'minor',
    'method added',
    'export class C { a(): void {} }',
    'export class C { a(): void {} b(): void {} }',
  ),
  change(
    'major',
    'method removed',
    'export class C { a(): void {} b(): void {} }',
    'export class C { a(): void {} }',
  ),
  change(
    'major',
    'method parameter narrowed',
    'export class C { a(x: number | string): void {} }',
    'export class C { a(x: number): void {} }',
  ),
  change('major', 'class made abstract', 'export class C { a = 1 }', 'export abstract class C { a = 1 }'),
  change(
    'major',
    'abstract member added',
    'export abstract class C { a = 1 }',
    'export abstract class C { a = 1; abstract b(): void }',
  ),
  change('major', 'member made protected', 'export class C { a = 1 }', 'export class C { protected a = 1 }'),
  change(
    'none',
    'private member added',
    'export class C { a = 1 }',
    'export class C { a = 1; private b = 2; #c = 3 }',
  ),
  change(
    'major',
    'constructor parameter added',
    'export class C { constructor(a: number) {} }',
    'export class C { constructor(a: number, b: number) {} }',
  ),
  change(
    'major',
    'constructor made private',
    'export class C { constructor() {} }',
    'export class C { private constructor() {} }',
  ),
  change(
    'major',
    'static removed',
    'export class C { static of(): C { return new C() } }',
    'export class C {}',
  ),
  change(
    'major',
    'setter removed',
    'export class C { get a(): number { return 1 } set a(v: number) {} }',
    'export class C { get a(): number { return 1 } }',
  ),
  // Types, enums, constants
  change(
    'major',
    'type removed',
    'export type A = string; export type B = number;',
    'export type B = number;',
  ),
  change('major', 'type changed', 'export type A = string;', 'export type A = number;'),
  change(
    'none',
    'union written in another order',
    "export type A = 'x' | 'y'; export declare function f(a: A): void;",
    "export type A = 'y' | 'x'; export declare function f(a: A): void;",
  ),
  change(
    'none',
    'interface became an equal type',
    'export interface A { x: number } export declare function f(): A;',
    'export type A = { x: number }; export declare function f(): A;',
  ),
  change('major', 'enum member removed', 'export enum E { A, B }', 'export enum E { A }'),
  change('minor', 'enum member added', 'export enum E { A, B }', 'export enum E { A, B, C }'),
  change('major', 'enum member changed', 'export enum E { A, B }', 'export enum E { A, B = 5 }'),
  change('minor', 'constant has another value', 'export const limit = 3;', 'export const limit = 4;'),
  change(
    'major',
    'constant has another type',
    'export const limit: number = 3;',
    "export const limit: string = '3';",
  ),
  change('major', 'function became a class', 'export function C(): void {}', 'export class C {}'),
  change('major', 'no longer a value', 'export class C { a = 1 }', 'export interface C { a: number }'),
];
