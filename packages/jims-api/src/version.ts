import { readFileSync } from 'node:fs';

import * as v from 'valibot';

const Manifest = v.pipe(
  v.string(),
  v.parseJson(),
  v.object({
    version: v.optional(v.string(), 'unknown'),
    peerDependencies: v.optional(v.record(v.string(), v.string()), {}),
  }),
);

/** The version of this package, from its package.json. */
export function packageVersion(): string {
  return manifest().version;
}

/** The version of an optional package that this one works with, as `npm install` takes it: `11`, `0.301`. */
export function peerVersion(name: string): string | undefined {
  const range = manifest().peerDependencies[name] ?? '';
  return /(?:0\.)?\d+/.exec(range)?.[0];
}

function manifest(): v.InferOutput<typeof Manifest> {
  return v.parse(Manifest, readFileSync(new URL('../package.json', import.meta.url), 'utf8'));
}
