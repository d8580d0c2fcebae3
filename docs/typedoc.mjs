/**
 * The API pages: one page for each entry point of each package, from the docstrings of the sources, by TypeDoc as
 * markdown for VitePress. Writes `docs/api` and its sidebar.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Application, Converter, ReflectionKind } from 'typedoc';

const root = fileURLToPath(new URL('..', import.meta.url));

const app = await Application.bootstrapWithPlugins({
  entryPoints: readdirSync(join(root, 'packages')).flatMap(publicSources),
  tsconfig: join(root, 'docs/tsconfig.json'),
  plugin: ['typedoc-plugin-markdown', 'typedoc-vitepress-theme'],
  out: join(root, 'docs/api'),
  docsRoot: join(root, 'docs'),
  router: 'module',
  readme: 'none',
  name: 'API',
  logLevel: 'Error',
  skipErrorChecking: true,
  excludePrivate: true,
  excludeInternal: true,
  disableSources: true,
  // What a layer inherits from tf.layers.Layer is documented there.
  excludeExternals: true,
  validation: { notExported: false, invalidLink: true, notDocumented: false },
  treatValidationWarningsAsErrors: true,
  hideBreadcrumbs: true,
  hidePageHeader: true,
  useCodeBlocks: true,
  useHTMLEncodedBrackets: true,
  sanitizeComments: true,
  parametersFormat: 'table',
  interfacePropertiesFormat: 'table',
  typeAliasPropertiesFormat: 'table',
  classPropertiesFormat: 'table',
  pageTitleTemplates: { module: ({ name }) => `@tfkit/${name}` },
  sidebar: { autoConfiguration: true, format: 'vitepress', pretty: false, collapsed: true },
});

app.converter.on(Converter.EVENT_RESOLVE_BEGIN, ({ project }) => {
  // As users import them: core/src/tfjs is core/tfjs.
  for (const module of project.getReflectionsByKind(ReflectionKind.Module)) {
    module.name = module.name.replace(/\/src(?=\/|$)/, '');
  }
  for (const { comment } of Object.values(project.reflections)) {
    for (const parts of [comment?.summary, ...(comment?.blockTags ?? []).map(({ content }) => content)]) {
      // '[taps, in, out]: the kernel' is a shape, not what markdown calls a link's definition.
      const first = parts?.[0];
      if (first?.kind === 'text') first.text = first.text.replace(/^\[([^\]]*)\]:/, '\\[$1\\]:');
    }
  }
});

const project = await app.convert();
if (project) {
  app.validate(project);
  await app.generateOutputs(project);
}
if (!project || app.logger.hasErrors()) process.exit(1);

/** The sources of a package's exports map, without the entries that only the packages themselves import. */
function publicSources(name) {
  const folder = join(root, 'packages', name);
  const { exports = {} } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  const keys = Object.keys(exports).filter((key) => !/kernels|gradients|worker|installed|patches/.test(key));
  return keys.flatMap((key) => {
    const path = key === '.' ? 'index' : key.slice(2);
    const files = [`${path}.ts`, `${path}/index.ts`].map((file) => join(folder, 'src', file));
    return files.filter(existsSync).slice(0, 1);
  });
}
