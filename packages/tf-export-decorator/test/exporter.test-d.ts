import { describe, expectTypeOf, it } from 'vitest';
import { type ApiExport, createApiExport, type ExportFactory, kerasExport, tfExport } from '../src/index';

declare function generic<T extends string, U = T[]>(a: T, b?: U): [T, U];
declare function overloaded(a: number): number;
declare function overloaded(a: string, b?: boolean): string;
declare function isText(value: unknown): value is string;
declare function assertText(value: unknown): asserts value is string;
declare const withProperty: ((a: number) => void) & { version: string };
declare abstract class Abstract<T> {
  abstract run(x: T): T;
}
declare class Concrete<T extends object = { a: 1 }> extends Abstract<T> {
  static of<V extends object>(v: V): Concrete<V>;
  run(x: T): T;
}

describe('an export changes no type', () => {
  const give = tfExport('x');
  it('of functions', () => {
    expectTypeOf(give(generic)).toEqualTypeOf<typeof generic>();
    expectTypeOf(give(overloaded)).toEqualTypeOf<typeof overloaded>();
    expectTypeOf(give(isText)).toEqualTypeOf<typeof isText>();
    expectTypeOf(give(assertText)).toEqualTypeOf<typeof assertText>();
    expectTypeOf(give(withProperty)).toEqualTypeOf<typeof withProperty>();
    expectTypeOf(give(overloaded)('a', true)).toEqualTypeOf<string>();
    expectTypeOf(give(generic)('a')).toEqualTypeOf<['a', 'a'[]]>();
  });

  it('of classes', () => {
    expectTypeOf(give(Abstract)).toEqualTypeOf<typeof Abstract>();
    expectTypeOf(give(Concrete)).toEqualTypeOf<typeof Concrete>();
    expectTypeOf(new (give(Concrete))<{ b: 2 }>().run({ b: 2 })).toEqualTypeOf<{ b: 2 }>();
  });

  it('of constants, which stay literal', () => {
    expectTypeOf(give.exportConstant('serve')).toEqualTypeOf<'serve'>();
    expectTypeOf(give.exportConstant([1, 'a'])).toEqualTypeOf<readonly [1, 'a']>();
  });
});

describe('an exporter takes', () => {
  it('names, then options', () => {
    expectTypeOf(
      kerasExport('keras.a', 'keras.b', { v1: [], deprecated: ['keras.b'] }),
    ).toEqualTypeOf<ApiExport>();
    expectTypeOf(createApiExport('ops')).toEqualTypeOf<ExportFactory>();
    // @ts-expect-error V1 names are a list
    tfExport('a', { v1: 'abc' });
    // @ts-expect-error no such option
    tfExport('a', { deprecatd: [] });
    // @ts-expect-error options come last
    tfExport({ v1: [] }, 'a');
  });

  it('functions and classes, not values', () => {
    // @ts-expect-error a constant is exported by exportConstant
    tfExport('a')('text');
    class Method {
      // @ts-expect-error methods cannot be exported
      @tfExport('m')
      run() {}
    }
    expectTypeOf<Method>().toBeObject();
  });
});
