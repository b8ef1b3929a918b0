import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import * as v from 'valibot';

const patterns = v.array(v.string());

/** What a package.json says about where modules are; a member of another type counts as missing. */
const Manifest = v.object({
  main: v.fallback(v.optional(v.string()), undefined),
  tsconfig: v.fallback(v.optional(v.string()), undefined),
  workspaces: v.fallback(
    v.optional(v.union([patterns, v.object({ packages: patterns })])),
    undefined,
  ),
});

type Manifest = v.InferOutput<typeof Manifest>;

/** The package.json of a folder; `undefined` where there is none, or not JSON. */
export function readManifest(folder: string): Manifest | undefined {
  const file = join(folder, 'package.json');
  if (!existsSync(file)) return undefined;
  const json = v.pipe(v.string(), v.parseJson(), Manifest);
  const found = v.safeParse(json, readFileSync(file, 'utf8'));
  return found.success ? found.output : undefined;
}
