import { transform } from 'esbuild';
import { describe, expect, it } from 'vitest';
import {
  ApiRegistry,
  BadExportError,
  createApiExport,
  DeprecatedNamesAlreadySetError,
  DuplicateNameError,
  defaultRegistry,
  type ExportOptions,
  getCanonicalName,
  getCanonicalNameForSymbol,
  getSymbolFromName,
  getV1Constants,
  getV1Names,
  getV2Constants,
  getV2Names,
  InvalidSymbolNameError,
  kerasExport,
  markWrapper,
  SymbolAlreadyExposedError,
  tfExport,
  unwrap,
} from '../src/index';

/** An exporter and look-ups with a registry of their own. */
function api(options: { prefix?: string; reserved?: string[]; registry?: ApiRegistry } = {}) {
  const registry = options.registry ?? new ApiRegistry();
  const exporter = createApiExport('tensorflow', { ...options, registry });
  return { registry, exporter, look: { registry } };
}
const fresh = () => () => 0;

describe('what an export gives', () => {
  it('the symbol itself, so that a call costs nothing', () => {
    const { exporter } = api();
    const relu = fresh();
    expect(exporter('nn.relu')(relu)).toBe(relu);
    class Layer {}
    expect(exporter('Layer')(Layer)).toBe(Layer);
    expect(exporter('pi').exportConstant(3.14)).toBe(3.14);
  });

  it('names that are found from both sides, on frozen functions too', () => {
    const { exporter, look } = api();
    const relu = Object.freeze(fresh());
    exporter('nn.relu', 'relu', { v1: ['nn.relu_v1'] })(relu);
    expect(getSymbolFromName('relu', look)).toBe(relu);
    expect(getSymbolFromName('compat.v1.nn.relu_v1', look)).toBe(relu);
    expect(getSymbolFromName('nn.relu_v1', look)).toBeUndefined();
    expect(getV2Names(relu, look)).toEqual(['nn.relu', 'relu']);
    expect(getV1Names(relu, look)).toEqual(['nn.relu_v1']);
  });

  it('V1 names as TensorFlow has them: the V2 names, none, or their own', () => {
    const { exporter, look } = api();
    const [both, onlyV2, onlyV1] = [fresh(), fresh(), fresh()];
    exporter('a')(both);
    exporter('b', { v1: [] })(onlyV2);
    exporter({ v1: ['c'] })(onlyV1);
    expect([both, onlyV2, onlyV1].map((symbol) => getV1Names(symbol, look))).toEqual([['a'], [], ['c']]);
    expect([both, onlyV2, onlyV1].map((symbol) => getV2Names(symbol, look))).toEqual([['a'], ['b'], []]);
  });

  it('a record of constants, by namespace', () => {
    const { exporter, look } = api();
    exporter('saved_model.SERVING', 'other.SERVING').exportConstant('serving');
    exporter('pi', { v1: [] }).exportConstant(3.14);
    expect(getV2Constants('saved_model', look).map(({ value }) => value)).toEqual(['serving']);
    expect(getV1Constants('', look).map(({ value }) => value)).toEqual(['serving']);
    expect(getV2Constants('', look)).toHaveLength(2);
    expect(getSymbolFromName('pi', look)).toBe(3.14);
    expect(getCanonicalNameForSymbol('serving', look)).toBeUndefined();
  });
});

describe('the canonical name', () => {
  it('is the first name that is not deprecated, else the first', () => {
    expect(getCanonicalName(['a', 'b'], ['a'])).toBe('b');
    expect(getCanonicalName(['a', 'b'], ['a', 'b'])).toBe('a');
    expect(getCanonicalName([], [])).toBeUndefined();
  });

  it('falls back to V1 names, prefixed if asked', () => {
    const { exporter, look } = api();
    const old = fresh();
    exporter({ v1: ['x.old', 'x.older'], deprecated: ['x.old'] })(old);
    expect(getCanonicalNameForSymbol(old, look)).toBe('x.older');
    expect(getCanonicalNameForSymbol(old, { ...look, addPrefixToV1Names: true })).toBe('compat.v1.x.older');
  });

  it('is not inherited by a subclass', () => {
    const { exporter, look } = api();
    class Base {}
    exporter('Base')(Base);
    expect(getCanonicalNameForSymbol(class extends Base {}, look)).toBeUndefined();
  });

  it.each([undefined, null, 3, 'relu', Symbol('x')])('of %s is undefined', (value) => {
    expect(getCanonicalNameForSymbol(value)).toBeUndefined();
  });
});

describe('where TensorFlow is silent, an export is refused', () => {
  it('a prefix without its dot', () => {
    expect(() => kerasExport('kerasx.foo')).toThrow(
      'TFX001 "kerasx.foo": kerasExport names must start with "keras."',
    );
    expect(() => kerasExport('kerasx.foo')).toThrow(InvalidSymbolNameError);
  });

  it.each(['', 'a b..c', '.a', 'a.', '1a', 'a-b'])('the name "%s"', (name) => {
    expect(() => tfExport(name)).toThrow(`TFX002 "${name}" is not a dotted identifier`);
  });

  it.each(['case', 'function.x', '__internal__.tracking', 'experimental.numpy.var', 'π.ß'])(
    'but not %s, which JavaScript can export',
    (name) => {
      expect(api().exporter(name).names).toEqual([name]);
    },
  );

  it('a second export of a symbol, unless it is allowed; then names are joined', () => {
    const { exporter, look } = api();
    function conv2d() {}
    exporter('nn.conv2d')(conv2d);
    expect(() => exporter('conv2d')(conv2d)).toThrow(
      /^TFX003 conv2d is already exported as nn\.conv2d \(.*registry\.test\.ts:\d+:\d+\); pass allowMultipleExports to add names$/,
    );
    expect(() => exporter('conv2d')(conv2d)).toThrow(SymbolAlreadyExposedError);
    exporter('conv2d', { allowMultipleExports: true })(conv2d);
    expect(getV2Names(conv2d, look)).toEqual(['nn.conv2d', 'conv2d']);
    expect(getSymbolFromName('nn.conv2d', look)).toBe(conv2d);
  });

  it('two symbols of one name, with both places, and the first one keeps it', () => {
    const { exporter, look, registry } = api();
    const first = fresh();
    exporter('nn.relu')(first);
    expect(() => exporter('a', 'nn.relu')(fresh())).toThrow(
      /^TFX004 name nn\.relu is taken by .*registry\.test\.ts:\d+:\d+\) and .*registry\.test\.ts:\d+:\d+\)$/,
    );
    expect(() => exporter('nn.relu')(fresh())).toThrow(DuplicateNameError);
    expect(getSymbolFromName('nn.relu', look)).toBe(first);
    expect(getSymbolFromName('a', look)).toBeUndefined();
    expect([...registry.symbols()]).toHaveLength(1);
  });

  it('a name that is a symbol and a namespace, in either order and within one export', () => {
    const { exporter } = api();
    exporter('x.f')(fresh());
    expect(() => exporter('x')(fresh())).toThrow(/^TFX005 x is a namespace \(x\.f/);
    expect(() => exporter('x.f.g')(fresh())).toThrow(/^TFX005 x\.f is a namespace \(x\.f\.g/);
    expect(() => exporter('y', 'y.z')(fresh())).toThrow(/^TFX005 y is a namespace/);
  });

  it('no name at all', () => {
    expect(() => tfExport()).toThrow('TFX013 tfExport needs at least one name, V2 or V1');
    expect(() => tfExport({ v1: [] })).toThrow(BadExportError);
  });

  it('V1 names as one string', () => {
    const options = { v1: 'abc' } as unknown as ExportOptions;
    expect(() => tfExport('a', options)).toThrow(
      'TFX017 tfExport: v1 must be an array of strings, got "abc"',
    );
  });

  it('a deprecated name that is not exported', () => {
    expect(() => tfExport('d.new', { deprecated: ['d.old'] })).toThrow(
      'TFX009 deprecated name "d.old" is not one of the exported names d.new',
    );
  });

  it('deprecated names given twice', () => {
    const { exporter } = api();
    const f = fresh();
    exporter('a', 'b', { deprecated: ['b'] })(f);
    const again = exporter('c', 'd', { deprecated: ['d'], allowMultipleExports: true });
    expect(() => again(f)).toThrow(DeprecatedNamesAlreadySetError);
  });

  it('an undefined constant, a value, a method, an unknown option, a reserved namespace', () => {
    const { exporter } = api({ reserved: ['__internal__'] });
    expect(() => exporter('c').exportConstant(undefined)).toThrow('cannot export undefined as c');
    expect(() => exporter('c')('text' as never)).toThrow('got string; use exportConstant for values');
    expect(() => exporter('c')(fresh(), { kind: 'method' } as never)).toThrow(
      'decorates classes, not a method',
    );
    expect(() => tfExport('c', { deprecatd: [] } as never)).toThrow(
      'TFX017 tfExport has no option "deprecatd"',
    );
    expect(() => exporter('__internal__.x')).toThrow('TFX016 "__internal__.x" lies in __internal__');
  });
});

describe('wrappers', () => {
  it('and what they wrap have the same names, whichever was exported', () => {
    const { exporter, look } = api();
    const inner = fresh();
    const wrapper = markWrapper((...args: []) => inner(...args), inner);
    exporter('nn.f')(wrapper);
    for (const symbol of [inner, wrapper]) {
      expect(getV2Names(symbol, look)).toEqual(['nn.f']);
      expect(getCanonicalNameForSymbol(symbol, look)).toBe('nn.f');
    }
    expect(getSymbolFromName('nn.f', look)).toBe(wrapper);
    expect(unwrap(wrapper)).toBe(inner);
  });

  it('in a circle are an error, not a hang', () => {
    const [a, b, c] = [fresh(), fresh(), fresh()];
    markWrapper(a, b);
    markWrapper(b, c);
    expect(() => markWrapper(c, a)).toThrow('markWrapper: target must not lead back to the wrapper');
    expect(() => markWrapper(c, c)).toThrow(BadExportError);
  });
});

describe('registries', () => {
  it('share no names between APIs', () => {
    const registry = new ApiRegistry();
    const [a, b] = [fresh(), fresh()];
    createApiExport('one', { registry })('f')(a);
    createApiExport('two', { registry })('f')(b);
    createApiExport('two', { registry })('g')(a);
    expect(getSymbolFromName('f', { registry, apiName: 'one' })).toBe(a);
    expect(getSymbolFromName('f', { registry, apiName: 'two' })).toBe(b);
    expect([...registry.symbols('two')]).toHaveLength(2);
  });

  it('hand a name to the newcomer when told to replace', () => {
    const { exporter, look, registry } = api({ registry: new ApiRegistry({ duplicates: 'replace' }) });
    const [old, now] = [fresh(), fresh()];
    exporter('nn.f')(old);
    exporter('nn.f')(now);
    expect(getSymbolFromName('nn.f', look)).toBe(now);
    expect(getV2Names(old, look)).toEqual([]);
    expect([...registry.symbols()]).toHaveLength(1);
  });

  it('forget everything when cleared', () => {
    const { exporter, look, registry } = api();
    const f = fresh();
    exporter('nn.f')(f);
    registry.clear();
    expect(getV2Names(f, look)).toEqual([]);
    expect(exporter('nn')(f)).toBe(f);
  });

  it('are one for all copies of this package', () => {
    expect((globalThis as Record<symbol, unknown>)[Symbol.for('tf-export-decorator')]).toBe(defaultRegistry);
  });
});

describe('the decorator form', () => {
  it('registers a class and leaves it as it is', async () => {
    const { exporter, look } = api();
    const source =
      "@exporter('layers.ASPP', 'ASPP') class ASPP { static rates = [6, 12, 18] } result = ASPP;";
    // vitest does not compile decorators, esbuild does.
    const { code } = await transform(source, { loader: 'ts', target: 'es2022' });
    const ASPP = new Function('exporter', `let result; ${code}; return result;`)(exporter);
    expect(ASPP.rates).toEqual([6, 12, 18]);
    expect(getCanonicalNameForSymbol(ASPP, look)).toBe('layers.ASPP');
  });
});
