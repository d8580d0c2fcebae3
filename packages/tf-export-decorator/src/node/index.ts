/** The tools as functions: scan, generate, golden, semver check. Needs Node and TypeScript 5.4 to 6. */
export { packedGolden, readBaseline, tarballGolden } from './baseline';
export { type Declared as DeclaredChangesets, parseChangeset, readChangesets } from './changesets';
export { type CheckedPackage, type CheckOptions, checkPackage, checkWorkspace, release } from './check';
export { type Config, type ExporterConfig, readConfig } from './config';
export { checkGenerated, type GenerateResult, generate, planEntryPoints } from './generate';
export { createGolden, type GoldenOptions } from './golden/create';
export { goldenMarkdown } from './golden/markdown';
export type {
  ApiEntry,
  Declaration,
  Form,
  Golden,
  Member,
  Parameter,
  Signature,
  TypeParameter,
} from './golden/model';
export { goldenDrift, goldenFiles, parseGolden, readGolden } from './golden/store';
export { lint } from './lint';
export { type Manifest, type Package, readPackage, workspacePackages } from './package';
export { type ApiVersion, type Namespaces, planNamespaces } from './plan';
export { type Finding, formatFinding, InputError } from './problems';
export { type ScannedExport, type ScanOptions, type ScanResult, type SymbolKind, scan } from './scan';
export type { ExportForm } from './scan/uses';
export type { Level } from './semver/compare';
export { type Change, type DiffOptions, diffGoldens, requiredBump } from './semver/diff';
export { type Shaken, shake } from './shake';
