/**
 * A throw-away npm registry on this machine: the packages of this repository as `npm pack` makes them, and what they
 * need from others out of node_modules. So `npm install @tfkit/spp` is tried as users type it, without a network.
 */
import { createReadStream, existsSync, mkdirSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { basename, dirname, join } from 'node:path';
import { run } from './processes';
import { type Manifest, publicPackages, readJson, root } from './workspace';

interface Offer {
  readonly manifest: Manifest;
  /** Makes the tarball unless it is there, and gives its path. */
  tarball(): Promise<string>;
}

export interface Registry {
  readonly url: string;
  close(): Promise<void>;
}

/** Packs the public packages into `folder` and serves them; the dist folders must be built. */
export async function startRegistry(folder: string): Promise<Registry> {
  mkdirSync(folder, { recursive: true });
  const offers = [...(await ownOffers(folder)), ...foreignOffers(folder)];
  const byName = groupByName(offers);
  const server = createServer(async (request, response) => {
    const path = decodeURIComponent(request.url ?? '').slice(1);
    const [name, version] = path.split('/-/') as [string, string | undefined];
    const found = byName.get(name) ?? [];
    const offer = found.find(({ manifest }) => manifest.version === version);
    if (offer) {
      response.writeHead(200, { 'Content-Type': 'application/octet-stream' });
      createReadStream(await offer.tarball()).pipe(response);
    } else if (found.length > 0 && version === undefined) {
      response.writeHead(200, { 'Content-Type': 'application/json' });
      response.end(JSON.stringify(packument(found, `http://${request.headers.host}`)));
    } else {
      response.writeHead(404).end('{}');
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  return { url: `http://127.0.0.1:${port}/`, close: () => close(server) };
}

function groupByName(offers: readonly Offer[]): Map<string, Offer[]> {
  const groups = new Map<string, Offer[]>();
  for (const offer of offers) {
    groups.set(offer.manifest.name, [...(groups.get(offer.manifest.name) ?? []), offer]);
  }
  return groups;
}

async function ownOffers(folder: string): Promise<Offer[]> {
  const packages = publicPackages();
  const members = packages.map(({ name }) => `--workspace=${name}`);
  const args = ['pack', '--json', '--ignore-scripts', '--pack-destination', folder, ...members];
  const packed = JSON.parse(await run('npm', args, { cwd: root })) as
    | { name: string; filename: string }[]
    | Record<string, { name: string; filename: string }>;
  // npm 11 prints an object by name where npm 10 prints a list.
  const files = new Map(Object.values(packed).map(({ name, filename }) => [name, join(folder, filename)]));
  return packages.map(({ name, manifest }) => ({ manifest, tarball: async () => files.get(name)! }));
}

/** Every package in node_modules, by the lockfile, whose tarball is made when somebody asks for it. */
function foreignOffers(folder: string): Offer[] {
  const { packages } = readJson<{ packages: Record<string, { link?: boolean }> }>(
    join(root, 'package-lock.json'),
  );
  return Object.entries(packages)
    .filter(([path, { link }]) => path.includes('node_modules/') && !link)
    .map(([path]) => join(root, path))
    .filter((source) => existsSync(join(source, 'package.json')))
    .map((source) => {
      const manifest = readJson<Manifest>(join(source, 'package.json'));
      const file = join(folder, `${manifest.name.replace('/', '-')}-${manifest.version}.foreign.tar`);
      let made: Promise<string> | undefined;
      const tarball = () => {
        // npm drops the first folder's name, whatever it is, and takes a tar that is not compressed.
        const args = [
          '-cf',
          file,
          '--exclude=node_modules',
          '--exclude=*.map',
          '-C',
          dirname(source),
          basename(source),
        ];
        made ??= run('tar', args).then(() => file);
        return made;
      };
      return { manifest, tarball };
    });
}

function packument(offers: readonly Offer[], host: string) {
  const newest = offers
    .map(({ manifest }) => manifest.version)
    .sort(compareVersions)
    .at(-1);
  return {
    name: offers[0]!.manifest.name,
    'dist-tags': { latest: newest },
    versions: Object.fromEntries(
      offers.map(({ manifest }) => [
        manifest.version,
        { ...manifest, dist: { tarball: `${host}/${manifest.name}/-/${manifest.version}` } },
      ]),
    ),
  };
}

function compareVersions(a: string, b: string): number {
  return a.localeCompare(b, 'en', { numeric: true });
}

function close(server: Server): Promise<void> {
  server.closeAllConnections();
  return new Promise((resolve) => server.close(() => resolve()));
}
