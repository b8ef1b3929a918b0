import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

import * as v from 'valibot';

const Manifest = v.pipe(
  v.string(),
  v.parseJson(),
  v.object({
    version: v.optional(v.string(), 'unknown'),
    peerDependencies: v.optional(v.record(v.string(), v.string()), {}),
  }),
);

/** The version of this package, from its package.json; `unknown` when a bundler left that out. */
export function packageVersion(): string {
  return manifest().version;
}

/** The version of an optional package that fits, for `npm install`: `11`, `0.301`. */
export function peerVersion(name: string): string | undefined {
  const range = manifest().peerDependencies[name] ?? '';
  return /(?:0\.)?\d+/.exec(range)?.[0];
}

let known: v.InferOutput<typeof Manifest> | undefined;

/** Read once: every answer of MCP names the version. */
function manifest(): v.InferOutput<typeof Manifest> {
  known ??= readManifest();
  return known;
}

function readManifest(): v.InferOutput<typeof Manifest> {
  try {
    // Not `new URL(…, import.meta.url)`: bundlers take that for an asset and replace it.
    const folder = dirname(fileURLToPath(import.meta.url));
    return v.parse(Manifest, readFileSync(join(folder, '..', 'package.json'), 'utf8'));
  } catch {
    return { version: 'unknown', peerDependencies: {} };
  }
}
