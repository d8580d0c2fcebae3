/** Run-time part: exporters, the registry, look-ups. Nothing here needs Node, TypeScript or TensorFlow.js. */
export {
  BadExportError,
  DeprecatedNamesAlreadySetError,
  DuplicateNameError,
  type ErrorCode,
  InvalidSymbolNameError,
  SymbolAlreadyExposedError,
  TfExportError,
} from './errors';
export {
  type AnyClass,
  type AnyFunction,
  type ApiExport,
  type ApiExportOptions,
  createApiExport,
  type ExportFactory,
  type ExportOptions,
  getCanonicalNameForSymbol,
  getSymbolFromName,
  getV1Constants,
  getV1Names,
  getV2Constants,
  getV2Names,
  kerasExport,
  type LookupOptions,
  tfExport,
} from './exporter';
export { getCanonicalName } from './names';
export {
  ApiRegistry,
  type ConstantExport,
  defaultRegistry,
  type RegisteredSymbol,
  type RegistryOptions,
} from './registry';
export { markWrapper, unwrap } from './wrapper';
