import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';

/** A registry on this machine. */
export interface PackedRegistry extends AsyncDisposable {
  readonly origin: string;
}

/**
 * Packs this repository's packages into `folder`, and serves them as npm's registry does; for all
 * others it leads there. With it `npm create jims@latest` is what it will be once they are published. They must be
 * built before.
 */
export async function startPackedRegistry(folder: string): Promise<PackedRegistry> {
  const args = ['pack', '--workspaces', '--json', '--pack-destination', folder];
  // A list, or with npm 12 an object.
  const packed: readonly Packed[] = Object.values(
    JSON.parse(execFileSync('npm', args, { encoding: 'utf8' })),
  );
  const get = ['config', 'get', 'registry'];
  const registry = execFileSync('npm', get, { encoding: 'utf8' }).trim().replace(/\/$/, '');
  const byName = new Map(packed.map((each) => [each.name, each]));

  const server = createServer((request, response) => {
    const path = decodeURIComponent((request.url ?? '/').slice(1));
    const found = byName.get(path) ?? packed.find(({ filename }) => path === `-/${filename}`);
    if (!found) {
      response.writeHead(307, { location: registry + request.url }).end();
    } else if (path === found.name) {
      const origin = `http://${request.headers.host}`;
      response.setHeader('content-type', 'application/json');
      response.end(JSON.stringify(packument(found, { folder, origin })));
    } else {
      response.end(readFileSync(join(folder, found.filename)));
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' && address ? address.port : 0;
  return {
    origin: `http://127.0.0.1:${port}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
    },
  };
}

interface Packed {
  readonly name: string;
  readonly version: string;
  readonly filename: string;
}

/** What a registry says about a package: here it has one version, which is a week old. */
function packument(
  { name, version, filename }: Packed,
  { folder, origin }: { readonly folder: string; readonly origin: string },
): object {
  const tarball = readFileSync(join(folder, filename));
  const hash = (algorithm: string, encoding: 'hex' | 'base64'): string =>
    createHash(algorithm).update(tarball).digest(encoding);
  const manifest: object = JSON.parse(readFileSync(`packages/${name}/package.json`, 'utf8'));
  const published = new Date(Date.now() - 7 * 86_400_000).toISOString();
  const dist = {
    tarball: `${origin}/-/${filename}`,
    shasum: hash('sha1', 'hex'),
    integrity: `sha512-${hash('sha512', 'base64')}`,
  };
  return {
    name,
    'dist-tags': { latest: version },
    versions: { [version]: { ...manifest, dist } },
    time: { created: published, modified: published, [version]: published },
  };
}
